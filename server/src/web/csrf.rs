//! Whether a form was sent from the page that we sent to this browser. Three independent questions: what the browser
//! says about the sender, whether it has the binding cookie, and whether the form's token fits cookie, request and form.

use super::failure::Failure;
use crate::cookies::Binding;
use http::HeaderMap;
use http::header::ORIGIN;
use keys::seal::Purpose;
use keys::{KeysError, Snapshot};
use protocol::Refusal;
use protocol::base64url;
use protocol::issuer::Issuer;
use protocol::time::Timestamp;
use subtle::ConstantTimeEq as _;

/// Which form it is. A token for one is good for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
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

impl FormKind {
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

/// What the token of a form is bound to, besides the browser.
#[derive(Clone, Copy, Debug)]
pub struct Protected<'a> {
    /// The form.
    pub form: FormKind,
    /// The id of the request in progress, or of the session.
    pub request: &'a [u8],
    /// The id of the user for whom the form acts; empty if it acts for nobody.
    pub user: &'a [u8],
}

/// The token to put into a form: the master it is made with, so that it outlives a rotation, and the proof.
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only: the current master is always there.
pub fn token(
    protected: Protected<'_>,
    binding: &Binding,
    ring: &Snapshot,
    now: Timestamp,
) -> Result<String, Failure> {
    let master = ring.seals().current_master(now);
    let proof = prove(protected, binding, ring, master)?
        .ok_or(Failure::internal("the current sealing master is missing"))?;
    Ok(base64url::encode(&[master.to_be_bytes().as_slice(), &proof].concat()))
}

/// Checks a form's token.
///
/// # Errors
/// [`Refusal::FormForeign`], and as [`Snapshot::derive`].
pub fn check(
    protected: Protected<'_>,
    presented: Option<&str>,
    binding: &Binding,
    ring: &Snapshot,
) -> Result<(), Failure> {
    let presented = presented.and_then(base64url::decode).unwrap_or_default();
    let (master, proof) = presented.split_first_chunk::<2>().ok_or(Refusal::FormForeign)?;
    let expected = prove(protected, binding, ring, u16::from_be_bytes(*master))?;
    let fits = expected.is_some_and(|expected| bool::from(expected.ct_eq(proof)));
    if fits { Ok(()) } else { Err(Refusal::FormForeign.into()) }
}

fn prove(
    protected: Protected<'_>,
    binding: &Binding,
    ring: &Snapshot,
    master: u16,
) -> Result<Option<[u8; 32]>, KeysError> {
    let parts = [binding.as_bytes().as_slice(), protected.request, protected.form.name(), protected.user];
    ring.derive(master, Purpose::Csrf, &parts)
}

/// Fetch Metadata and RFC 6454 §7.3: browsers say where a form comes from. For programs without these headers the token
/// decides.
///
/// # Errors
/// [`Refusal::FormForeign`].
pub fn check_sender(issuer: &Issuer, headers: &HeaderMap) -> Result<(), Refusal> {
    let origin = headers.get(ORIGIN).is_none_or(|origin| origin == issuer.origin());
    let site = headers.get("sec-fetch-site");
    let site = site.is_none_or(|site| site == "same-origin" || site == "none");
    if origin && site { Ok(()) } else { Err(Refusal::FormForeign) }
}
