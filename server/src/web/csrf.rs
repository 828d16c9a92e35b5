//! Whether a form was sent from the page we sent to this browser. Three independent questions: what the
//! browser says about the sender, whether it has the binding cookie, and whether the form's token fits cookie,
//! request and step.

use super::failure::Failure;
use crate::cookies::Binding;
use crate::keys::Snapshot;
use crate::seal::Purpose;
use http::HeaderMap;
use http::header::ORIGIN;
use protocol::Refusal;
use protocol::base64url;
use protocol::issuer::Issuer;
use protocol::time::Timestamp;
use subtle::ConstantTimeEq as _;

/// Which form. A token for one opens no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sign-in page.
    Login,
    /// The sign-up page.
    SignUp,
    /// The consent page.
    Consent,
    /// The account page.
    Account,
    /// The page that asks before somebody is signed out.
    Logout,
}

impl Step {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Login => b"login",
            Self::SignUp => b"sign-up",
            Self::Consent => b"consent",
            Self::Account => b"account",
            Self::Logout => b"logout",
        }
    }
}

/// What a form's token is bound to, besides the browser.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The form.
    pub step: Step,
    /// The id of the request in progress, or of the session.
    pub request: &'a [u8],
    /// Who is signed in, where the form speaks for somebody; else nothing.
    pub user: &'a [u8],
}

/// The token to put into a form: the master it is made with, so that it outlives a rotation, and the proof.
///
/// # Errors
/// Internal ones only: the master that seals now is always there.
pub fn token(form: Form<'_>, binding: &Binding, ring: &Snapshot, now: Timestamp) -> Result<String, Failure> {
    let master = ring.seals().current_master(now);
    let proof = prove(form, binding, ring, master).ok_or(Failure::internal("no master seals"))?;
    Ok(base64url::encode(&[master.to_be_bytes().as_slice(), &proof].concat()))
}

/// Checks a form's token.
///
/// # Errors
/// [`Refusal::FormForeign`].
pub fn check(
    form: Form<'_>,
    presented: Option<&str>,
    binding: &Binding,
    ring: &Snapshot,
) -> Result<(), Refusal> {
    let fits = || {
        let presented = base64url::decode(presented?)?;
        let (master, proof) = presented.split_first_chunk::<2>()?;
        let expected = prove(form, binding, ring, u16::from_be_bytes(*master))?;
        Some(bool::from(expected.ct_eq(proof)))
    };
    if fits() == Some(true) { Ok(()) } else { Err(Refusal::FormForeign) }
}

fn prove(form: Form<'_>, binding: &Binding, ring: &Snapshot, master: u16) -> Option<[u8; 32]> {
    let parts = [binding.as_bytes().as_slice(), form.request, form.step.name(), form.user];
    ring.seals().derive(master, Purpose::Csrf, &parts)
}

/// Fetch Metadata and RFC 6454 §7.3: browsers say where a form comes from. Programs without these headers are
/// left to the token.
pub fn check_sender(issuer: &Issuer, headers: &HeaderMap) -> Result<(), Refusal> {
    let origin = headers.get(ORIGIN).is_none_or(|origin| origin == issuer.origin());
    let site = headers.get("sec-fetch-site");
    let site = site.is_none_or(|site| site == "same-origin" || site == "none");
    if origin && site { Ok(()) } else { Err(Refusal::FormForeign) }
}
