//! From an event to an answer.

use crate::event::Event;
use crate::settings::Settings;
use guard::{Rejection, Token};
use http::Method;
use lambda_http::lambda_runtime::Diagnostic;
use serde_json::Value;

/// An authorizer at work.
#[derive(Debug)]
pub struct Authorizer(Settings);

/// Why an invocation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The gateway answers 401. AWS prescribes the word.
    Unauthorized,
    /// The issuer could not be asked; the gateway answers 500.
    Unavailable,
}

impl Authorizer {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// Fetches the issuer's keys, unless they are embedded. If that fails, the first event tries again.
    pub async fn warm(&self) {
        // The cause is in the log.
        let _unavailable = self.0.verifier.warm().await;
    }

    /// The answer to an event.
    ///
    /// # Errors
    /// Why the invocation fails.
    pub async fn answer(&self, event: &str) -> Result<Value, Failure> {
        let event = Event::parse(event);
        match self.check(&event).await {
            Ok(token) => Ok(event.form.allow(&token)),
            Err(rejection) => {
                tracing::info!(status = rejection.status().as_u16(), reason = %rejection, "request refused");
                match rejection {
                    Rejection::Unavailable => Err(Failure::Unavailable),
                    rejection => event.form.refuse(rejection.status()).ok_or(Failure::Unauthorized),
                }
            }
        }
    }

    async fn check(&self, event: &Event) -> Result<Token, Rejection> {
        let Settings { verifier, require, is_query_read } = &self.0;
        let token = verifier.verify(&event.token(*is_query_read)?).await?;
        // What is required is the same for all methods.
        verifier.authorize(&token, &Method::GET, require)?;
        Ok(token)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let text = match failure {
            Failure::Unauthorized => "Unauthorized",
            Failure::Unavailable => "Unavailable",
        };
        Self { error_type: text.to_owned(), error_message: text.to_owned() }
    }
}
