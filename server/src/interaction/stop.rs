//! How a page's handler ends early: with an error page, with an answer to the client, or with a response that is made
//! already.

use crate::app::App;
use crate::headers::NO_STORE;
use crate::pages;
use crate::web::failure::{Failure, explain};
use crate::web::request_info::RequestInfo;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::authorize::{Answer, Delivery};
use protocol::client::Client;
use protocol::evidence::Evidence;
use protocol::params::Params;
use std::sync::Arc;

/// Why a handler ends here.
#[derive(Debug)]
pub enum Stop {
    /// With the error page: there is no proven client to answer to, or we failed.
    Page(Failure),
    /// With an error for the client.
    Answer(Box<Answer>, Refusal),
    /// With a refusal, what explains it in the log, and the application that the error page leads back to.
    Explained(Box<Self>, Box<Evidence>, Option<Arc<Client>>),
    /// With this response: a redirect to the sign-in page, or a form shown again.
    Elsewhere(Box<Response>),
}

impl Stop {
    /// Ends with a response, or with the error page if making it failed.
    pub fn with(made: Result<Response, impl Into<Self>>) -> Self {
        made.map_or_else(Into::into, |response| Self::Elsewhere(Box::new(response)))
    }

    /// Sends the browser to a URL of ours.
    pub fn see_other(url: &str) -> Self {
        Self::with(see_other(url))
    }

    /// Adds what explains a refusal in the log: what was asked for, and the client if it is known.
    #[must_use]
    pub fn explain(self, params: &Params, client: Option<&Client>) -> Self {
        let (Self::Page(Failure::Refused(refusal)) | Self::Answer(_, refusal)) = self else { return self };
        Self::Explained(Box::new(self), Box::new(Evidence::of(refusal, params, client)), None)
    }

    /// Offers the way back to the application on the error page; only for a request that is proven to be this
    /// application's.
    #[must_use]
    pub fn back_to(self, application: &Arc<Client>) -> Self {
        match self {
            Self::Explained(stop, evidence, _) => {
                Self::Explained(stop, evidence, Some(Arc::clone(application)))
            }
            other => other,
        }
    }

    /// The response.
    pub fn respond(self, app: &App, info: RequestInfo) -> Response {
        self.respond_for(app, info, None)
    }

    fn respond_for(self, app: &App, info: RequestInfo, application: Option<&Client>) -> Response {
        match self {
            Self::Page(failure) => pages::error(app, info, failure, application),
            Self::Answer(answer, refusal) => {
                let delivery = answer.refuse(refusal, &app.settings.issuer);
                let answer = deliver(app, delivery).map(|response| Failure::from(refusal).mark(response));
                answer.unwrap_or_else(|failure| pages::error(app, info, failure, None))
            }
            Self::Explained(stop, evidence, application) => {
                let mut response = stop.respond_for(app, info, application.as_deref());
                explain(&mut response, |_| *evidence);
                response
            }
            Self::Elsewhere(response) => *response,
        }
    }
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(failure: T) -> Self {
        Self::Page(failure.into())
    }
}

const NO_REFERRER: (HeaderName, HeaderValue) = (REFERRER_POLICY, HeaderValue::from_static("no-referrer"));

/// Sends an answer to the client through the browser.
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only.
pub fn deliver(app: &App, delivery: Delivery) -> Result<Response, Failure> {
    match delivery {
        // RFC 9700 §4.12: 303, so that no browser ever repeats a POST with a password elsewhere.
        Delivery::Redirect(url) => see_other(&url),
        Delivery::FormPost { action, fields } => pages::form_post(app, &action, &fields),
    }
}

/// A 303 to a URL of ours or to a proven one.
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only: what we redirect to is always a valid header value.
pub fn see_other(url: &str) -> Result<Response, Failure> {
    let location =
        HeaderValue::try_from(url).map_err(|_| Failure::internal("a redirect can't be written"))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)], [NO_REFERRER], NO_STORE).into_response())
}
