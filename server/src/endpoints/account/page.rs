//! The page itself.

use super::list::{self, Connected, Lists};
use super::owner::Owner;
use crate::app::App;
use crate::cookies::Binding;
use crate::interaction::{Errand, Stop, see_other};
use crate::pages::{self, Forms, MESSAGES};
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::form;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::params::Params;
use protocol::session::Session;
use protocol::time::Timestamp;
use storage::Place;
use templates::{Account, AccountNotice, AppLine, Moment, ProfileField, ScopeLine, SessionLine};

/// The claims people may change by themselves, in the order of the page.
pub(super) const PROFILE: [&str; 7] =
    ["name", "given_name", "family_name", "nickname", "birthdate", "phone_number", "website"];

/// Leads to the page: from the issuer's own address, and from the addresses that forms are sent to, where people
/// get by reloading.
pub async fn lead(State(app): State<App>, call: Call) -> Response {
    see_other(&app.settings.issuer.url("/account"))
        .unwrap_or_else(|failure| Stop::from(failure).respond(&app, call))
}

/// Shows the account, or the way to it.
pub async fn get(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    show(&app, call, &headers, query.as_deref().unwrap_or_default())
        .await
        .unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn show(app: &App, call: Call, headers: &HeaderMap, query: &str) -> Result<Response, Stop> {
    let query = Params::parse(query.as_bytes()).map_err(form::refusal_of)?;
    let owner = match Owner::load(app, call, headers).await? {
        Ok(owner) => owner,
        Err(away) => return Ok(away),
    };
    if !owner.is_fresh(call.at) {
        let r = Errand::to_account(app, call, &owner.ring);
        return Ok(see_other(&format!("{}/login?r={r}", app.settings.issuer.path()))?);
    }
    let notice = match query.get("done") {
        Some("profile") => Some(AccountNotice::ProfileSaved),
        Some("password") => Some(AccountNotice::PasswordChanged),
        Some("sessions") => Some(AccountNotice::SessionsEnded),
        Some("apps") => Some(AccountNotice::AppsEnded),
        _ => None,
    };
    let (binding, cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
    let showing = Showing { notice, apps_behind: query.get("apps").and_then(list::from_text) };
    let mut response = render(app, call, &owner, &binding, StatusCode::OK, showing).await?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What the page shows besides the account.
#[derive(Default)]
pub(super) struct Showing {
    /// What to say about the last thing that was done.
    pub(super) notice: Option<AccountNotice>,
    /// Behind which place the applications go on; `None`: from the first.
    pub(super) apps_behind: Option<Place>,
}

impl From<AccountNotice> for Showing {
    fn from(notice: AccountNotice) -> Self {
        Self { notice: Some(notice), apps_behind: None }
    }
}

/// The page.
pub(super) async fn render(
    app: &App,
    call: Call,
    owner: &Owner,
    binding: &Binding,
    status: StatusCode,
    showing: Showing,
) -> Result<Response, Stop> {
    let user = &owner.user;
    let claim = |name: &str| user.claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let mut profile: Vec<_> = PROFILE.iter().map(|name| ProfileField { name, value: claim(name) }).collect();
    if !user.email_verified {
        let value = user.email.as_deref().unwrap_or_default();
        profile.push(ProfileField { name: "email", value });
    }
    let lists = Lists::enter(app, owner)?;
    let alive = lists.sessions(call.at).await?;
    let ids: Vec<String> = alive.iter().map(|session| session.id.to_string()).collect();
    let sessions: Vec<_> = alive.iter().zip(&ids).map(|(it, id)| session_line(owner, it, id)).collect();
    let behind = showing.apps_behind;
    let is_continued = behind.is_some();
    let (connected, next) = lists.apps(&alive, behind, call.at).await?;
    let apps: Vec<_> = connected.iter().map(app_line).collect();
    let more = next.as_ref().and_then(list::to_text);
    let more_apps_url =
        more.map(|place| format!("{}?apps={place}#apps", app.settings.issuer.url("/account")));
    let nonce = pages::nonce(app);
    let page = Account {
        messages: MESSAGES,
        nonce: &nonce,
        action: &app.settings.issuer.url("/account"),
        logout_url: &app.settings.issuer.url("/logout"),
        csrf: &csrf::token(owner.protected(), binding, &owner.ring, call.at)?,
        username: &user.username,
        verified_email: user.email.as_deref().filter(|_| user.email_verified),
        profile: &profile,
        sessions: &sessions,
        apps: &apps,
        is_continued,
        more_apps_url: more_apps_url.as_deref(),
        notice: showing.notice,
    };
    Ok(pages::render(status, &nonce, Forms::Stay, &page)?)
}

fn session_line<'a>(owner: &Owner, session: &Session, id: &'a str) -> SessionLine<'a> {
    SessionLine {
        id,
        began: moment(session.created_at),
        signed_in: moment(session.authentication.at),
        is_current: session.id == owner.session.id,
    }
}

fn app_line(connected: &Connected) -> AppLine<'_> {
    let shown = connected.scope.tokens().filter(|name| *name != "openid" && *name != "offline_access");
    AppLine {
        id: connected.client.id.as_str(),
        name: &connected.client.name,
        scopes: shown.map(|name| ScopeLine::new(MESSAGES, name)).collect(),
        since: moment(connected.since),
        is_offline: connected.is_offline,
    }
}

/// An instant for programs and for people, in UTC.
fn moment(at: Timestamp) -> Moment {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    Moment {
        machine: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        text: at.strftime("%-d %B %Y, %H:%M UTC").to_string(),
    }
}
