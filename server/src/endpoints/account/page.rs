//! The page itself.

use super::list::{self, Connected, Lists};
use super::owner::Owner;
use crate::interaction::{Errand, PageRequest, Stop, see_other};
use crate::pages::{self, FormAction, MESSAGES};
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use axum::response::Response;
use http::StatusCode;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use storage::Place;
use templates::{Account, AccountNotice, AppItem, Moment, ProfileField, ScopeItem, SessionItem};

/// The claims that people may change, in the order of the page.
pub(super) const PROFILE: [&str; 7] =
    ["name", "given_name", "family_name", "nickname", "birthdate", "phone_number", "website"];

/// Redirects to the page: from the issuer's own address, and from the addresses that forms are sent to, which a reload
/// may open.
pub async fn lead(request: PageRequest) -> Result<Response, Stop> {
    Ok(see_other(&request.app.settings.issuer.url("/account"))?)
}

/// Shows the account, or redirects to sign in.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    let query = request.query()?;
    let cx = request.context().await?;
    let owner = Owner::load(&cx).await?;
    if !owner.is_fresh(cx.info.at) {
        return Err(Errand::sign_in_for_account(&cx));
    }
    let notice = match query.get("done") {
        Some("profile") => Some(AccountNotice::ProfileSaved),
        Some("password") => Some(AccountNotice::PasswordChanged),
        Some("sessions") => Some(AccountNotice::SessionsEnded),
        Some("apps") => Some(AccountNotice::AppsEnded),
        _ => None,
    };
    let showing = Showing { notice, apps_behind: query.get("apps").and_then(list::from_text) };
    Ok(render(&cx, &owner, StatusCode::OK, showing).await?)
}

/// What the page shows besides the account.
#[derive(Default)]
pub(super) struct Showing {
    /// What to say about the last thing that was done.
    pub(super) notice: Option<AccountNotice>,
    /// The place behind which the list of applications continues; `None`: from the first.
    pub(super) apps_behind: Option<Place>,
}

impl Showing {
    /// With a notice only.
    pub(super) const fn notice(notice: AccountNotice) -> Self {
        Self { notice: Some(notice), apps_behind: None }
    }
}

/// The page.
///
/// # Errors
/// [`Failure::Server`]; transient, if too many lists of this account wait already.
pub(super) async fn render(
    cx: &RequestContext,
    owner: &Owner,
    status: StatusCode,
    showing: Showing,
) -> Result<Response, Failure> {
    let (user, behind) = (&owner.user, showing.apps_behind);
    let is_continued = behind.is_some();
    let lists = Lists::enter(cx, owner)?;
    let alive = lists.sessions(cx.info.at).await?;
    let (connected, next) = lists.apps(&alive, behind, cx.info.at).await?;
    let ids: Vec<String> = alive.iter().map(|session| session.id.to_string()).collect();
    let sessions: Vec<_> = alive.iter().zip(&ids).map(|(it, id)| session_item(owner, it, id)).collect();
    let apps: Vec<_> = connected.iter().map(app_item).collect();
    let more = next.as_ref().and_then(list::to_text);
    let more_apps_url = more.map(|place| format!("{}?apps={place}#apps", cx.url("/account")));
    pages::render_form(cx, owner.protects(), |nonce, csrf| {
        let page = Account {
            messages: MESSAGES,
            nonce,
            action: &cx.url("/account"),
            logout_url: &cx.url("/logout"),
            csrf,
            username: &user.username,
            verified_email: user.email.as_deref().filter(|_| user.email_verified),
            profile: &profile_fields(user),
            sessions: &sessions,
            apps: &apps,
            is_continued,
            more_apps_url: more_apps_url.as_deref(),
            notice: showing.notice,
        };
        pages::render(status, nonce, FormAction::SelfOnly, &page)
    })
}

fn profile_fields(user: &User) -> Vec<ProfileField<'_>> {
    let claim = |name: &str| user.claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let mut fields: Vec<_> = PROFILE.iter().map(|name| ProfileField { name, value: claim(name) }).collect();
    if !user.email_verified {
        let value = user.email.as_deref().unwrap_or_default();
        fields.push(ProfileField { name: "email", value });
    }
    fields
}

fn session_item<'a>(owner: &Owner, session: &Session, id: &'a str) -> SessionItem<'a> {
    SessionItem {
        id,
        began: moment(session.created_at),
        signed_in: moment(session.authentication.at),
        is_current: session.id == owner.session.id,
    }
}

fn app_item(connected: &Connected) -> AppItem<'_> {
    let shown = connected.scope.tokens().filter(|name| *name != "openid" && *name != "offline_access");
    AppItem {
        id: connected.client.id.as_str(),
        name: &connected.client.name,
        scopes: shown.map(|name| ScopeItem::new(MESSAGES, name)).collect(),
        since: moment(connected.since),
        is_offline: connected.is_offline,
    }
}

/// A time for programs and for people, in UTC.
fn moment(at: Timestamp) -> Moment {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    Moment {
        machine: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        text: at.strftime("%-d %B %Y, %H:%M UTC").to_string(),
    }
}
