//! Who may see and change an account.

use crate::app::App;
use crate::cookies::Binding;
use crate::interaction::{Errand, Stop, Visitor, see_other};
use crate::keys::Snapshot;
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::failure::Failure;
use crate::web::form::Form;
use axum::response::Response;
use http::HeaderMap;
use protocol::Refusal;
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::session::{Session, SessionCookie};
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;

/// How long after the password was asked for people may change what is theirs.
const FRESH: Duration = Duration::from_secs(3600);

/// Somebody in front of their account.
pub(super) struct Owner {
    pub(super) ring: Arc<Snapshot>,
    pub(super) cookie: SessionCookie,
    pub(super) user: User,
    pub(super) session: Session,
}

impl Owner {
    /// Whom the browser's session belongs to; one read. `Ok(Err(_))`: nobody, who is sent to sign in.
    pub(super) async fn load(
        app: &App,
        call: Call,
        headers: &HeaderMap,
    ) -> Result<Result<Self, Response>, Stop> {
        let ring = app.keys.fresh().await?;
        let away = || {
            let r = Errand::to_account(app, call, &ring);
            see_other(&format!("{}/login?r={r}", app.settings.issuer.path()))
        };
        let visitor = Visitor::load(app, call, &ring, headers, &ClientId::account()).await?;
        match visitor.into_session() {
            Some((cookie, user, session)) => Ok(Ok(Self { ring, cookie, user, session })),
            None => Ok(Err(away()?)),
        }
    }

    /// Whether the password was asked for lately.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.is_just_after(self.session.authentication.at, FRESH)
    }

    pub(super) fn protected(&self) -> csrf::Form<'_> {
        csrf::Form {
            step: csrf::Step::Account,
            request: self.session.id.as_bytes(),
            user: self.user.id.as_bytes(),
        }
    }
}

/// A form of the account page: from this browser, of this session, which is fresh.
pub(super) async fn submitted(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    form: Result<Form, Failure>,
) -> Result<Result<(Owner, Binding, Params), Response>, Stop> {
    csrf::check_sender(&app.settings.issuer, headers)?;
    let Form(form) = form?;
    let binding = app.cookies().binding(headers).ok_or(Refusal::FormForeign)?;
    let owner = match Owner::load(app, call, headers).await? {
        Ok(owner) => owner,
        Err(away) => return Ok(Err(away)),
    };
    csrf::check(owner.protected(), form.get("csrf"), &binding, &owner.ring)?;
    if !owner.is_fresh(call.at) {
        return Err(Refusal::FormStale.into());
    }
    Ok(Ok((owner, binding, form)))
}

/// Back to the page, which says what was done.
pub(super) fn done(app: &App, what: &str) -> Result<Response, Stop> {
    Ok(see_other(&format!("{}/account?done={what}", app.settings.issuer.path()))?)
}
