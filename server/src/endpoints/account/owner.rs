//! Who may see and change an account.

use crate::interaction::{Errand, PageRequest, Stop, Visitor, see_other};
use crate::web::context::RequestContext;
use crate::web::csrf::{self, FormKind, Protected};
use axum::response::Response;
use protocol::Refusal;
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::session::{Session, SessionCookie};
use protocol::time::Timestamp;
use protocol::user::User;
use std::time::Duration;

/// How long after the password was entered people may change what is theirs.
const FRESH: Duration = Duration::from_secs(3600);

/// The user whose account it is, signed in at this browser.
pub(super) struct Owner {
    pub(super) cookie: SessionCookie,
    pub(super) user: User,
    pub(super) session: Session,
}

impl Owner {
    /// The user of the browser's session; one read.
    ///
    /// # Errors
    /// [`Stop::Elsewhere`] to sign in, if nobody is; [`Stop::Page`] if we fail.
    pub(super) async fn load(cx: &RequestContext) -> Result<Self, Stop> {
        let visitor = Visitor::load(cx, &ClientId::account()).await?;
        let (cookie, user, session) =
            visitor.into_session().ok_or_else(|| Errand::sign_in_for_account(cx))?;
        Ok(Self { cookie, user, session })
    }

    /// Whether the password was entered lately.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.is_just_after(self.session.authentication.at, FRESH)
    }

    /// What the page's forms are protected as.
    pub(super) fn protects(&self) -> Protected<'_> {
        Protected {
            form: FormKind::Account,
            request: self.session.id.as_bytes(),
            user: self.user.id.as_bytes(),
        }
    }
}

/// A form of the account page: from this browser, of this session, which is fresh.
pub(super) struct AccountForm {
    pub(super) cx: RequestContext,
    pub(super) owner: Owner,
    pub(super) fields: Params,
}

impl AccountForm {
    /// Reads and checks the form of a request.
    ///
    /// # Errors
    /// [`Refusal::FormForeign`] or [`Refusal::FormStale`] on a page, and as [`PageRequest::own_form`] and
    /// [`Owner::load`].
    pub(super) async fn open(request: PageRequest) -> Result<Self, Stop> {
        let (cx, fields) = request.own_form().await?;
        let binding = cx.binding()?;
        let owner = Owner::load(&cx).await?;
        csrf::check(owner.protects(), fields.get("csrf"), &binding, &cx.ring)?;
        if !owner.is_fresh(cx.info.at) {
            return Err(Refusal::FormStale.into());
        }
        Ok(Self { cx, owner, fields })
    }
}

/// Back to the page, which says what was done.
pub(super) fn done(cx: &RequestContext, what: &str) -> Result<Response, Stop> {
    Ok(see_other(&cx.path(&format!("/account?done={what}")))?)
}
