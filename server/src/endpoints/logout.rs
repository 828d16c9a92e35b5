//! `/logout` (OIDC RP-Initiated Logout 1.0): a client, or the person, ends the session of this browser.

use crate::app::App;
use crate::interaction::{Stop, end, progress, see_other};
use crate::keys::Snapshot;
use crate::pages::{self, Forms, MESSAGES};
use crate::seal::SealKind;
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::form;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::Refusal;
use protocol::claims::id_token::Hint;
use protocol::client::Client;
use protocol::id::{ClientId, UserId};
use protocol::jwt::Compact;
use protocol::logout::{self, Next, Present};
use protocol::params::Params;
use protocol::redirect::ProvenLogoutRedirect;
use protocol::session::SessionCookie;
use protocol::user::User;
use std::sync::Arc;
use templates::{LoggedOut, Logout};

/// The parameters that mean anything (§2).
const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request by GET, or one that came by POST and goes on.
pub async fn get(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    begin(&app, call, &headers, query.as_deref().unwrap_or_default())
        .await
        .unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn begin(app: &App, call: Call, headers: &HeaderMap, query: &str) -> Result<Response, Stop> {
    let sent = Params::parse(query.as_bytes()).map_err(form::refusal_of)?;
    let ring = app.keys.fresh().await?;
    let params = match sent.get("r") {
        Some(posted) => progress::open_posted(SealKind::PostedLogout, posted, &ring, call.at)?,
        None => sent,
    };
    if PARAMETERS.iter().any(|name| params.repeated(name)) {
        return Err(Refusal::RepeatedParameter.into());
    }
    let vouched = read_hint(app, call, &ring, &params).await?;
    let hint = vouched.as_ref().map(|(hint, client)| (hint, &**client));
    let present = present(app, call, headers, &ring).await?;
    let seen = present
        .as_ref()
        .map(|(cookie, user)| Present { session: &cookie.session, subject: user.subject.as_str() });
    match logout::decide(hint, params.get("post_logout_redirect_uri"), seen)? {
        Next::End(redirect) => {
            let cookie = present.map(|(cookie, _)| cookie);
            finish(app, call, cookie, redirect, params.get("state")).await
        }
        // Nobody is signed in: there is nothing to ask.
        Next::Ask => match present {
            None => finish(app, call, None, None, None).await,
            Some((cookie, user)) => ask(app, call, headers, &ring, &cookie, &user),
        },
    }
}

/// The form of our own page, or a client's request from another site, which carries no cookie: that becomes a GET.
pub async fn post(State(app): State<App>, call: Call, headers: HeaderMap, request: Request) -> Response {
    submit(&app, call, &headers, request).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn submit(app: &App, call: Call, headers: &HeaderMap, request: Request) -> Result<Response, Stop> {
    let (form, ring) = (form::read(request, form::LARGE).await?, app.keys.fresh().await?);
    if form.get("csrf").is_none() {
        let params = form.only(&PARAMETERS);
        let sealed = progress::seal_posted(SealKind::PostedLogout, &params, &ring, &*app.entropy, call.at)?;
        return Ok(see_other(&format!("{}/logout?r={sealed}", app.settings.issuer.path()))?);
    }
    csrf::check_sender(&app.settings.issuer, headers)?;
    let Some(cookie) = app.cookies().session(headers, &ring) else {
        return finish(app, call, None, None, None).await;
    };
    let binding = app.cookies().binding(headers).ok_or(Refusal::FormForeign)?;
    csrf::check(protected(&cookie), form.get("csrf"), &binding, &ring)?;
    finish(app, call, Some(cookie), None, None).await
}

/// §2: a hint must be an ID token of ours, expired or not, and `client_id`, if given, its client.
async fn read_hint(
    app: &App,
    call: Call,
    ring: &Snapshot,
    params: &Params,
) -> Result<Option<(Hint, Arc<Client>)>, Stop> {
    let Some(text) = params.get("id_token_hint") else { return Ok(None) };
    let read = || {
        let token = Compact::parse(text).filter(|token| ring.verify_hint(token, call.at))?;
        let hint: Hint = token.header.is_typ("JWT").then(|| token.claims()).flatten()?;
        let client: ClientId = hint.client(&app.settings.issuer)?;
        params.get("client_id").is_none_or(|given| given == client.as_str()).then_some((hint, client))
    };
    let (hint, client) = read().ok_or(Refusal::LogoutHintInvalid)?;
    let client = app.client(&client).await?.filter(|client| !client.disabled);
    Ok(Some((hint, client.ok_or(Refusal::LogoutHintInvalid)?)))
}

/// Who is signed in, as far as the cookie and one read tell.
async fn present(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    ring: &Snapshot,
) -> Result<Option<(SessionCookie, User)>, Stop> {
    let Some(cookie) = app.cookies().session(headers, ring) else { return Ok(None) };
    let user: UserId = cookie.user;
    let view = app.store.load_sign_in(&user, Some(cookie.session), &ClientId::account(), &[]).await?;
    let (Some(user), Some(session)) = (view.user, view.session) else { return Ok(None) };
    // However long it was not used: whoever signs out is to be signed out.
    let live = session.secret == cookie.digest() && session.is_alive(&user, ring.generation(), call.at);
    Ok(live.then_some((cookie, user)))
}

fn ask(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    ring: &Snapshot,
    cookie: &SessionCookie,
    user: &User,
) -> Result<Response, Stop> {
    let (binding, set_cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
    let nonce = pages::nonce(app);
    let page = Logout {
        messages: MESSAGES,
        nonce: &nonce,
        action: &app.settings.issuer.url("/logout"),
        csrf: &csrf::token(protected(cookie), &binding, ring, call.at)?,
        username: &user.username,
        account_url: &app.settings.issuer.url("/account"),
    };
    let mut response = pages::render(StatusCode::OK, &nonce, Forms::Stay, &page)?;
    if let Some(set_cookie) = set_cookie {
        response.headers_mut().append(SET_COOKIE, set_cookie);
    }
    Ok(response)
}

/// The session ends, and the browser goes where the client wants it, or sees that it is signed out.
async fn finish(
    app: &App,
    call: Call,
    cookie: Option<SessionCookie>,
    redirect: Option<ProvenLogoutRedirect>,
    state: Option<&str>,
) -> Result<Response, Stop> {
    if let Some(cookie) = &cookie {
        end(app, call, &cookie.user, &cookie.session, &cookie.digest()).await?;
    }
    let mut response = match redirect {
        Some(redirect) => see_other(&redirect.url(state))?,
        None => {
            let nonce = pages::nonce(app);
            let page = LoggedOut { messages: MESSAGES, nonce: &nonce };
            pages::render(StatusCode::OK, &nonce, Forms::Stay, &page)?
        }
    };
    response.headers_mut().append(SET_COOKIE, app.cookies().clear_session());
    Ok(response)
}

fn protected(cookie: &SessionCookie) -> csrf::Form<'_> {
    csrf::Form { step: csrf::Step::Logout, request: cookie.session.as_bytes(), user: cookie.user.as_bytes() }
}
