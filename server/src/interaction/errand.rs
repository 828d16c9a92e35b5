//! What somebody signs in or up for: a client's request, or their own account page. Both travel sealed as `r`.

use super::browser::Visitor;
use super::proceed::proceed;
use super::progress::is_current;
use super::step::Step;
use super::stop::{Stop, see_other};
use crate::app::App;
use crate::entropy;
use crate::keys::Snapshot;
use crate::pages::MESSAGES;
use crate::seal::SealKind;
use crate::web::call::Call;
use crate::web::csrf;
use axum::response::Response;
use protocol::Refusal;
use protocol::authorize::Next;
use protocol::base64url;
use protocol::id::ClientId;
use protocol::time::Timestamp;

/// An errand.
pub enum Errand {
    /// A client asked for it.
    Request(Box<Step>),
    /// To the account page; what makes its forms its own.
    Account([u8; 16]),
}

impl Errand {
    /// Opens what travels as `r`.
    pub async fn open(app: &App, call: Call, ring: &Snapshot, sealed: Option<&str>) -> Result<Self, Stop> {
        match sealed.and_then(|sealed| open_account(sealed, ring, call.at)) {
            Some(id) => Ok(Self::Account(id)),
            None => Ok(Self::Request(Box::new(Step::resume(app, call, ring, sealed).await?))),
        }
    }

    /// A new one to the account page, as it travels.
    pub fn to_account(app: &App, call: Call, ring: &Snapshot) -> String {
        let id: [u8; 16] = entropy::bytes(&*app.entropy);
        let text = [id.as_slice(), &call.at.millis().to_be_bytes()].concat();
        base64url::encode(&ring.seals().seal(SealKind::Account, &text, &*app.entropy, call.at))
    }

    /// What the token of a page's form is bound to.
    pub const fn protects(&self, step: csrf::Step) -> csrf::Form<'_> {
        let id = match self {
            Self::Request(step) => &step.progress.id,
            Self::Account(id) => id,
        };
        csrf::Form { step, request: id, user: &[] }
    }

    /// The client whose consents matter.
    pub fn client(&self) -> ClientId {
        match self {
            Self::Request(step) => step.client.id.clone(),
            Self::Account(_) => ClientId::account(),
        }
    }

    /// What people read of where they are going.
    pub fn name(&self) -> &str {
        match self {
            Self::Request(step) => &step.client.name,
            Self::Account(_) => MESSAGES.account.title,
        }
    }

    /// The user name to begin with.
    pub fn login_hint(&self) -> &str {
        match self {
            Self::Request(step) => step.request.login_hint.as_deref().unwrap_or_default(),
            Self::Account(_) => "",
        }
    }

    /// Goes on with somebody who signed in just now. Signed in is signed in, also where the errand itself ends
    /// badly.
    pub async fn proceed(mut self, app: &App, call: Call, ring: &Snapshot, visitor: &Visitor) -> Response {
        let response = match &mut self {
            Self::Account(_) => see_other(&app.settings.issuer.url("/account")).map_err(Stop::from),
            Self::Request(step) => {
                // Who signed in and still won't do is another person than the client asked for.
                step.signed_in(visitor);
                let next = match step.next(call, visitor, None) {
                    Next::SignIn => Next::Refuse(Refusal::LoginRequired),
                    next => next,
                };
                proceed(app, call, ring, step, visitor, next).await
            }
        };
        visitor.mark(app, call, ring, response.unwrap_or_else(|stop| stop.respond(app, call)))
    }
}

fn open_account(sealed: &str, ring: &Snapshot, now: Timestamp) -> Option<[u8; 16]> {
    let opened = ring.seals().open(SealKind::Account, &base64url::decode(sealed)?)?;
    let (id, began) = opened.plaintext.split_first_chunk::<16>()?;
    let began = Timestamp::from_millis(u64::from_be_bytes(<[u8; 8]>::try_from(began).ok()?));
    is_current(began, now).then_some(*id)
}
