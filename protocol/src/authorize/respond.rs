//! The answer to an authorization request (RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode). It can only
//! be sent to a [`ProvenRedirect`].

use crate::issuer::Issuer;
use crate::params::encode;
use crate::redirect::{ProvenRedirect, ResponseMode};
use crate::refusal::Refusal;
use std::fmt::Write as _;

/// Where and how to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The redirect URI.
    pub redirect: ProvenRedirect,
    /// In the query or in a form.
    pub mode: ResponseMode,
    /// The `state` parameter, returned unchanged.
    pub state: Option<String>,
}

/// An answer ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A 303 to this URL.
    Redirect(String),
    /// A page whose form posts these fields there.
    FormPost {
        /// The redirect URI.
        action: String,
        /// Names and values.
        fields: Vec<(&'static str, String)>,
    },
}

impl Answer {
    /// RFC 6749 §4.1.2: the answer with a code.
    pub fn grant(&self, code: &str, issuer: &Issuer) -> Delivery {
        self.deliver(vec![("code", code.to_owned())], issuer)
    }

    /// RFC 6749 §4.1.2.1: the answer with an error.
    pub fn refuse(&self, refusal: Refusal, issuer: &Issuer) -> Delivery {
        let fields = vec![
            ("error", refusal.code().as_str().to_owned()),
            ("error_description", refusal.sentence().to_owned()),
        ];
        self.deliver(fields, issuer)
    }

    fn deliver(&self, mut fields: Vec<(&'static str, String)>, issuer: &Issuer) -> Delivery {
        fields.extend(self.state.as_ref().map(|state| ("state", state.clone())));
        // RFC 9207 §2: every answer names its issuer.
        fields.push(("iss", issuer.as_str().to_owned()));
        let uri = self.redirect.as_str();
        if self.mode == ResponseMode::FormPost {
            return Delivery::FormPost { action: uri.to_owned(), fields };
        }
        // RFC 6749 §3.1.2: the query component of a registered URI is kept.
        let mut url = uri.to_owned();
        let mut separator = if !uri.contains('?') {
            "?"
        } else if uri.ends_with(['?', '&']) {
            ""
        } else {
            "&"
        };
        for (name, value) in &fields {
            // Writing to a String cannot fail.
            let _ = write!(url, "{separator}{name}={}", encode(value));
            separator = "&";
        }
        Delivery::Redirect(url)
    }
}
