//! `/account`: people see and change what is theirs. One file a section; this one lets them in.
//!
//! Everything here needs a session whose password was asked for within the last hour, and every form a token of
//! this browser and session.

mod apps;
mod list;
mod page;
mod password;
mod profile;
mod sessions;

pub use apps::post as apps;
pub use page::get;
pub use password::post as password;
pub use profile::post as profile;
pub use sessions::post as sessions;

use crate::app::App;
use crate::interaction::{Errand, Stop, Visitor, see_other};
use crate::keys::Snapshot;
use crate::web::call::Call;
use crate::web::cookie::Binding;
use crate::web::csrf;
use crate::web::failure::Failure;
use crate::web::form::Form;
use axum::extract::State;
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

/// Leads to the page: from the issuer's own address, and from the addresses that forms are sent to, where people
/// get by reloading.
pub async fn lead(State(app): State<App>, call: Call) -> Response {
    see_other(&app.settings.issuer.url("/account"))
        .unwrap_or_else(|failure| Stop::from(failure).respond(&app, call))
}

/// How long after the password was asked for people may change what is theirs.
const FRESH: Duration = Duration::from_secs(3600);

/// Somebody in front of their account.
struct Owner {
    ring: Arc<Snapshot>,
    cookie: SessionCookie,
    user: User,
    session: Session,
}

impl Owner {
    /// Whom the browser's session belongs to; one read. `Ok(Err(_))`: nobody, who is sent to sign in.
    async fn load(app: &App, call: Call, headers: &HeaderMap) -> Result<Result<Self, Response>, Stop> {
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
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.is_just_after(self.session.authentication.at, FRESH)
    }

    fn protected(&self) -> csrf::Form<'_> {
        csrf::Form {
            step: csrf::Step::Account,
            request: self.session.id.as_bytes(),
            user: self.user.id.as_bytes(),
        }
    }
}

/// A form of the account page: from this browser, of this session, which is fresh.
async fn submitted(
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
fn done(app: &App, what: &str) -> Result<Response, Stop> {
    Ok(see_other(&format!("{}/account?done={what}", app.settings.issuer.path()))?)
}
