//! An errand is what somebody signs in or signs up for: an authorization request of a client, or their own account page.
//! It travels sealed from page to page, in the parameter `r`.

use super::browser::Visitor;
use super::pending::PendingRequest;
use super::proceed::proceed;
use super::progress::is_current;
use super::stop::{Stop, see_other};
use crate::pages::MESSAGES;
use crate::web::context::RequestContext;
use crate::web::csrf::{FormKind, Protected};
use crate::web::failure::Failure;
use axum::response::Response;
use keys::entropy;
use keys::seal::SealKind;
use keys::{KeysError, Snapshot};
use protocol::Refusal;
use protocol::authorize::NextStep;
use protocol::base64url;
use protocol::id::ClientId;
use protocol::time::Timestamp;

/// An errand.
pub enum Errand {
    /// A client's request.
    Request(Box<PendingRequest>),
    /// The account page; a random id, to which its forms are bound.
    Account([u8; 16]),
}

impl Errand {
    /// Opens what travels as `r`.
    ///
    /// # Errors
    /// As [`PendingRequest::resume`].
    pub async fn open(cx: &RequestContext, sealed: Option<&str>) -> Result<Self, Stop> {
        let account = sealed.map(|sealed| open_account(sealed, &cx.ring, cx.info.at)).transpose()?;
        match account.flatten() {
            Some(id) => Ok(Self::Account(id)),
            None => Ok(Self::Request(Box::new(PendingRequest::resume(cx, sealed).await?))),
        }
    }

    /// A new errand to the account page, sealed.
    pub fn to_account(cx: &RequestContext) -> String {
        let (entropy, now) = (&*cx.app.entropy, cx.info.at);
        let id: [u8; 16] = entropy::bytes(entropy);
        let text = [id.as_slice(), &now.millis().to_be_bytes()].concat();
        base64url::encode(&cx.ring.seals().seal(SealKind::Account, &text, entropy, now))
    }

    /// Sends the browser to sign in for the account page.
    pub fn sign_in_for_account(cx: &RequestContext) -> Stop {
        Stop::see_other(&cx.path(&format!("/login?r={}", Self::to_account(cx))))
    }

    /// What a form of its pages is protected as.
    pub const fn protects(&self, form: FormKind) -> Protected<'_> {
        let id = match self {
            Self::Request(pending) => &pending.progress.id,
            Self::Account(id) => id,
        };
        Protected { form, request: id, user: &[] }
    }

    /// The client whose consents matter.
    pub fn client(&self) -> ClientId {
        match self {
            Self::Request(pending) => pending.client.id.clone(),
            Self::Account(_) => ClientId::account(),
        }
    }

    /// The name that pages show for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Request(pending) => &pending.client.name,
            Self::Account(_) => MESSAGES.account.title,
        }
    }

    /// Ends with an error page that leads back to the client.
    pub fn stop(&self, failure: impl Into<Failure>) -> Stop {
        match self {
            Self::Request(pending) => pending.stop(failure),
            Self::Account(_) => Stop::Page(failure.into()),
        }
    }

    /// The user name that the form begins with.
    pub fn login_hint(&self) -> &str {
        match self {
            Self::Request(pending) => pending.request.login_hint.as_deref().unwrap_or_default(),
            Self::Account(_) => "",
        }
    }

    /// Continues for a visitor who signed in just now. The visitor stays signed in even if the errand itself fails.
    pub async fn proceed(mut self, cx: &RequestContext, visitor: &Visitor) -> Response {
        let response = match &mut self {
            Self::Account(_) => see_other(&cx.url("/account")).map_err(Stop::from),
            Self::Request(pending) => {
                pending.signed_in(visitor);
                // If signing in is still needed, this is not the user whom the client asked for.
                let next = match pending.decide(cx, visitor, None) {
                    NextStep::SignIn => NextStep::Refuse(Refusal::LoginRequired),
                    next => next,
                };
                proceed(cx, pending, visitor, next).await
            }
        };
        visitor.mark(cx, response.unwrap_or_else(|stop| stop.respond(&cx.app, cx.info)))
    }
}

fn open_account(sealed: &str, ring: &Snapshot, now: Timestamp) -> Result<Option<[u8; 16]>, KeysError> {
    let Some(sealed) = base64url::decode(sealed) else { return Ok(None) };
    let Some(opened) = ring.open(SealKind::Account, &sealed)? else { return Ok(None) };
    let parse = || {
        let (id, began) = opened.plaintext.split_first_chunk::<16>()?;
        let began = Timestamp::from_millis(u64::from_be_bytes(<[u8; 8]>::try_from(began).ok()?));
        is_current(began, now).then_some(*id)
    };
    Ok(parse())
}
