//! How a step ends that shows no page of its own: with an answer to the client, or with an error page.

use crate::app::App;
use crate::headers::NO_STORE;
use crate::pages;
use crate::web::call::Call;
use crate::web::failure::Failure;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::authorize::{Answer, Delivery};

/// Why a step ends here.
#[derive(Debug)]
pub enum Stop {
    /// Nobody is proven to answer to, or we broke.
    Page(Failure),
    /// The client gets the error.
    Answer(Box<Answer>, Refusal),
}

impl Stop {
    /// The response.
    pub fn respond(self, app: &App, call: Call) -> Response {
        match self {
            Self::Page(failure) => pages::error(app, call, failure),
            Self::Answer(answer, refusal) => {
                let delivery = answer.refuse(refusal, &app.settings.issuer);
                deliver(app, delivery).unwrap_or_else(|failure| pages::error(app, call, failure))
            }
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
/// Internal ones only.
pub fn deliver(app: &App, delivery: Delivery) -> Result<Response, Failure> {
    match delivery {
        // RFC 9700 §4.12: 303, so that no browser ever repeats a POST with a password elsewhere.
        Delivery::Redirect(url) => see_other(&url),
        Delivery::FormPost { action, fields } => pages::form_post(app, &action, &fields),
    }
}

/// A 303 to an URL of ours, or to a proven one.
///
/// # Errors
/// Internal ones only: what we redirect to is always a header's value.
pub fn see_other(url: &str) -> Result<Response, Failure> {
    let location =
        HeaderValue::try_from(url).map_err(|_| Failure::internal("a redirect can't be written"))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)], [NO_REFERRER], NO_STORE).into_response())
}
