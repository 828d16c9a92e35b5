//! Whether a form was sent from the page we sent to this browser (D-15). Three independent questions: what the
//! browser says about the sender, whether it has the binding cookie, and whether the form's token fits cookie,
//! request and step.

use super::cookie::Binding;
use crate::keys::Snapshot;
use crate::seal::Purpose;
use http::HeaderMap;
use http::header::ORIGIN;
use protocol::Refusal;
use protocol::base64url;
use protocol::issuer::Issuer;
use subtle::ConstantTimeEq as _;

/// Which form. A token for one opens no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sign-in page.
    Login,
    /// The consent page.
    Consent,
}

impl Step {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Login => b"login",
            Self::Consent => b"consent",
        }
    }
}

/// What a form's token is bound to, besides the browser.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The form.
    pub step: Step,
    /// The id of the request in progress.
    pub request: &'a [u8],
    /// Who is signed in, where the form speaks for somebody; else nothing.
    pub user: &'a [u8],
    /// The master that sealed the request, so that the token lives as long as it does.
    pub master: u16,
}

/// The token to put into a form.
///
/// # Errors
/// [`Refusal::RequestExpired`] if the master that sealed the request is gone.
pub fn token(form: Form<'_>, binding: &Binding, ring: &Snapshot) -> Result<String, Refusal> {
    let parts = [binding.as_bytes().as_slice(), form.request, form.step.name(), form.user];
    let token = ring.seals().derive(form.master, Purpose::Csrf, &parts).ok_or(Refusal::RequestExpired)?;
    Ok(base64url::encode(&token))
}

/// Checks a form's token.
pub fn check(
    form: Form<'_>,
    presented: Option<&str>,
    binding: &Binding,
    ring: &Snapshot,
) -> Result<(), Refusal> {
    let expected = token(form, binding, ring)?;
    let fits = presented.is_some_and(|presented| expected.as_bytes().ct_eq(presented.as_bytes()).into());
    if fits { Ok(()) } else { Err(Refusal::FormForeign) }
}

/// Fetch Metadata and RFC 6454 §7.3: browsers say where a form comes from. Programs without these headers are
/// left to the token.
pub fn check_sender(issuer: &Issuer, headers: &HeaderMap) -> Result<(), Refusal> {
    let origin = headers.get(ORIGIN).is_none_or(|origin| origin == issuer.origin());
    let site = headers.get("sec-fetch-site");
    let site = site.is_none_or(|site| site == "same-origin" || site == "none");
    if origin && site { Ok(()) } else { Err(Refusal::FormForeign) }
}
