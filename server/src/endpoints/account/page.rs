//! The page itself.

use super::Owner;
use crate::app::App;
use crate::http::call::Call;
use crate::http::cookie::Binding;
use crate::http::csrf;
use crate::http::form;
use crate::interaction::{Errand, Stop, see_other};
use crate::pages::{self, Forms, MESSAGES};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::client::Client;
use protocol::grant::Grant;
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::scope::Scope;
use protocol::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use templates::{Account, AccountNotice, AppLine, Moment, ProfileField, ScopeLine, SessionLine};

/// The claims people may change by themselves, in the order of the page.
pub(super) const PROFILE: [&str; 7] =
    ["name", "given_name", "family_name", "nickname", "birthdate", "phone_number", "website"];

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
    let mut response = render(app, call, &owner, &binding, StatusCode::OK, notice).await?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The page with what to say about the last thing that was done.
pub(super) async fn render(
    app: &App,
    call: Call,
    owner: &Owner,
    binding: &Binding,
    status: StatusCode,
    notice: Option<AccountNotice>,
) -> Result<Response, Stop> {
    let user = &owner.user;
    let claim = |name: &str| user.claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let mut profile: Vec<_> = PROFILE.iter().map(|name| ProfileField { name, value: claim(name) }).collect();
    if !user.email_verified {
        let value = user.email.as_deref().unwrap_or_default();
        profile.push(ProfileField { name: "email", value });
    }
    let sessions = sessions(owner, call.at);
    let sessions: Vec<_> = sessions.iter().map(SessionText::line).collect();
    let connected = connected(app, owner, call.at).await?;
    let apps: Vec<_> = connected.iter().map(Connected::line).collect();
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
        notice,
    };
    Ok(pages::render(status, &nonce, Forms::Stay, &page)?)
}

struct SessionText {
    id: String,
    began: Timestamp,
    signed_in: Timestamp,
    is_current: bool,
}

impl SessionText {
    fn line(&self) -> SessionLine<'_> {
        SessionLine {
            id: &self.id,
            began: moment(self.began),
            signed_in: moment(self.signed_in),
            is_current: self.is_current,
        }
    }
}

/// The sessions that go on, this browser's first, then the latest first.
fn sessions(owner: &Owner, now: Timestamp) -> Vec<SessionText> {
    let going_on = owner.view.sessions.iter().filter(|session| owner.is_going_on(session, now));
    let mut lines: Vec<_> = going_on
        .map(|session| SessionText {
            id: session.id.to_string(),
            began: session.created_at,
            signed_in: session.authentication.at,
            is_current: session.id == owner.session.id,
        })
        .collect();
    lines.sort_by_key(|line| (!line.is_current, std::cmp::Reverse(line.signed_in)));
    lines
}

/// A client that has something of this user.
struct Connected {
    client: Arc<Client>,
    scope: Scope,
    since: Timestamp,
    is_offline: bool,
}

impl Connected {
    fn line(&self) -> AppLine<'_> {
        let shown = self.scope.tokens().filter(|name| *name != "openid" && *name != "offline_access");
        AppLine {
            id: self.client.id.as_str(),
            name: &self.client.name,
            scopes: shown.map(|name| ScopeLine::new(MESSAGES, name)).collect(),
            since: moment(self.since),
            is_offline: self.is_offline,
        }
    }
}

/// Clients with a remembered consent or a living grant, by id.
async fn connected(app: &App, owner: &Owner, now: Timestamp) -> Result<Vec<Connected>, Stop> {
    let consents = &owner.view.consents;
    let unrevoked = owner.view.grants.iter().filter(|grant| grant.revoked.is_none());
    let ids: BTreeSet<&ClientId> =
        consents.iter().map(|consent| &consent.client).chain(unrevoked.map(|grant| &grant.client)).collect();
    let mut all = Vec::new();
    for id in ids {
        let Some(client) = app.client(id).await? else { continue };
        let consent = consents.iter().find(|consent| client.honours(consent));
        let alive = |grant: &&Grant| grant.is_alive(&owner.user, &client, owner.ring.not_before(), now);
        let grants: Vec<&Grant> = owner.view.grants.iter().filter(alive).collect();
        let began = grants.first().map(|grant| grant.created_at);
        let Some(since) = consent.map(|consent| consent.granted_at).or(began) else { continue };
        let agreed = consent.map_or_else(Scope::empty, |consent| consent.scope.clone());
        let scope = grants.iter().fold(agreed, |scope, grant| scope.union(&grant.scope));
        let is_offline = grants.iter().any(|grant| grant.offline);
        all.push(Connected { client, scope, since, is_offline });
    }
    Ok(all)
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
