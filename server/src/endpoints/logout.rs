//! `/logout` (OIDC RP-Initiated Logout 1.0): a client, or the person, ends the session of this browser.

use crate::interaction::{PageRequest, Stop, end, progress, see_other};
use crate::pages::{self, FormAction, MESSAGES};
use crate::web::context::RequestContext;
use crate::web::csrf::{self, FormKind, Protected};
use crate::web::failure::Failure;
use crate::web::form;
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use keys::seal::SealKind;
use protocol::Refusal;
use protocol::claims::id_token::Hint;
use protocol::client::Client;
use protocol::id::{ClientId, UserId};
use protocol::jwt::Compact;
use protocol::logout::{self, LogoutStep, Present, Requester};
use protocol::params::Params;
use protocol::redirect::ProvenLogoutRedirect;
use protocol::session::SessionCookie;
use protocol::user::User;
use std::sync::Arc;
use templates::{LoggedOut, Logout};

/// The parameters that mean anything (§2).
const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request by GET, or the GET that one by POST became.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    let sent = request.query()?;
    let cx = request.context().await?;
    let params = match sent.get("r") {
        Some(posted) => progress::open_posted(SealKind::PostedLogout, posted, &cx.ring, cx.info.at)?,
        None => sent,
    };
    let early = |refusal: Refusal| Stop::from(refusal).explain(&params, None);
    if PARAMETERS.iter().any(|name| params.repeated(name)) {
        return Err(early(Refusal::RepeatedParameter));
    }
    let hint = read_hint(&cx, &params).map_err(early)?;
    let client = requesting_client(&cx, hint.as_ref(), &params).await?;
    let requester = match (&hint, &client) {
        (Some((hint, _)), Some(client)) => Requester::Vouched(hint, client),
        (Some(_), None) => return Err(early(Refusal::LogoutHintEnded)),
        (None, client) if params.get("client_id").is_some() => Requester::Named(client.as_deref()),
        (None, _) => Requester::Unnamed,
    };
    let present = present(&cx).await?;
    let seen = present
        .as_ref()
        .map(|(cookie, user)| Present { session: &cookie.session, subject: user.subject.as_str() });
    let step = logout::decide(requester, params.get("post_logout_redirect_uri"), seen);
    let refuse = |refusal| {
        let stop = Stop::from(refusal).explain(&params, client.as_deref());
        client.iter().fold(stop, Stop::back_to)
    };
    match (step.map_err(refuse)?, present) {
        (LogoutStep::Ask(redirect), Some((cookie, user))) => {
            Ok(ask(&cx, &cookie, &user, client.as_deref(), redirect.as_ref(), params.get("state"))?)
        }
        // If nobody is signed in, there is nothing to ask.
        (LogoutStep::End(redirect) | LogoutStep::Ask(redirect), present) => {
            let cookie = present.map(|(cookie, _)| cookie);
            let to = Destination { client, redirect, state: params.get("state") };
            Ok(finish(&cx, cookie, to).await?)
        }
    }
}

/// Where the browser goes from here: to the client's address, or to a page that leads to its start address.
#[derive(Default)]
struct Destination<'a> {
    client: Option<Arc<Client>>,
    redirect: Option<ProvenLogoutRedirect>,
    state: Option<&'a str>,
}

/// The form of our own page, or a client's request from another site, which carries no cookie: that becomes a GET.
pub async fn post(mut request: PageRequest) -> Result<Response, Stop> {
    let form = request.form(form::LARGE).await?;
    let cx = request.context().await?;
    if form.get("csrf").is_none() {
        let (params, entropy) = (form.only(&PARAMETERS), &*cx.app.entropy);
        let sealed = progress::seal_posted(SealKind::PostedLogout, &params, &cx.ring, entropy, cx.info.at)?;
        return Ok(see_other(&cx.path(&format!("/logout?r={sealed}")))?);
    }
    csrf::check_sender(&cx.app.settings.issuer, &cx.headers)?;
    let Some(cookie) = cx.session_cookie() else {
        return Ok(finish(&cx, None, Destination::default()).await?);
    };
    csrf::check(protected(&cookie), form.get("csrf"), &cx.binding()?, &cx.ring)?;
    let client = requesting_client(&cx, None, &form).await?;
    let redirect = client.as_deref().zip(form.get("post_logout_redirect_uri"));
    let redirect = redirect.and_then(|(client, uri)| ProvenLogoutRedirect::prove(client, uri));
    Ok(finish(&cx, Some(cookie), Destination { client, redirect, state: form.get("state") }).await?)
}

/// §2: a hint must be an ID token of ours, expired or not, and `client_id`, if given, its client.
fn read_hint(cx: &RequestContext, params: &Params) -> Result<Option<(Hint, ClientId)>, Refusal> {
    let Some(text) = params.get("id_token_hint") else { return Ok(None) };
    let read = || {
        let token = Compact::parse(text).filter(|token| cx.ring.verify_hint(token, cx.info.at))?;
        let hint: Hint = token.header.is_typ("JWT").then(|| token.claims()).flatten()?;
        let client: ClientId = hint.client(&cx.app.settings.issuer)?;
        Some((hint, client))
    };
    let (hint, client) = read().ok_or(Refusal::LogoutHintInvalid)?;
    if params.get("client_id").is_some_and(|given| given != client.as_str()) {
        return Err(Refusal::LogoutHintOfOther);
    }
    Ok(Some((hint, client)))
}

/// The client of the hint, or the one that `client_id` names.
async fn requesting_client(
    cx: &RequestContext,
    hint: Option<&(Hint, ClientId)>,
    params: &Params,
) -> Result<Option<Arc<Client>>, Failure> {
    let named = || params.get("client_id").and_then(ClientId::parse);
    let Some(id) = hint.map(|(_, client)| client.clone()).or_else(named) else { return Ok(None) };
    Ok(cx.app.client(&id).await?.filter(|client| !client.disabled))
}

/// Who is signed in, by the cookie and one read.
async fn present(cx: &RequestContext) -> Result<Option<(SessionCookie, User)>, Failure> {
    let Some(cookie) = cx.session_cookie() else { return Ok(None) };
    let (user, account): (UserId, _) = (cookie.user, ClientId::account());
    let view = cx.app.store.load_sign_in(&user, Some(cookie.session), &account, &[]).await?;
    let (Some(user), Some(session)) = (view.user, view.session) else { return Ok(None) };
    // However long the session was idle: whoever signs out is to be signed out.
    let live = session.secret == cookie.digest() && session.is_alive(&user, cx.ring.generation(), cx.info.at);
    Ok(live.then_some((cookie, user)))
}

/// Asks the user, who goes back to the client if they agree.
fn ask(
    cx: &RequestContext,
    cookie: &SessionCookie,
    user: &User,
    client: Option<&Client>,
    redirect: Option<&ProvenLogoutRedirect>,
    state: Option<&str>,
) -> Result<Response, Failure> {
    let mut fields = Vec::new();
    let client = client.filter(|client| redirect.is_some() || client.start_url.is_some());
    fields.extend(client.map(|client| ("client_id", client.id.as_str())));
    if let Some(redirect) = redirect {
        fields.push(("post_logout_redirect_uri", redirect.as_str()));
        fields.extend(state.map(|state| ("state", state)));
    }
    let forms = if redirect.is_some() { FormAction::Anywhere } else { FormAction::SelfOnly };
    pages::render_form(cx, protected(cookie), |nonce, csrf| {
        let page = Logout {
            messages: MESSAGES,
            nonce,
            action: &cx.url("/logout"),
            csrf,
            fields: &fields,
            username: &user.username,
            account_url: &cx.url("/account"),
        };
        pages::render(StatusCode::OK, nonce, forms, &page)
    })
}

/// Ends the session, and sends the browser where the client wants it or shows that nobody is signed in.
async fn finish(
    cx: &RequestContext,
    cookie: Option<SessionCookie>,
    Destination { client, redirect, state }: Destination<'_>,
) -> Result<Response, Failure> {
    if let Some(cookie) = &cookie {
        end(&cx.app, cx.info, &cookie.user, &cookie.session, &cookie.digest()).await?;
    }
    let mut response = match redirect {
        Some(redirect) => see_other(&redirect.url(state))?,
        None => {
            let nonce = pages::nonce(&cx.app);
            let client = client.as_deref().filter(|client| client.start_url.is_some());
            let application = client.map(pages::application_of);
            let page = LoggedOut { messages: MESSAGES, nonce: &nonce, application };
            pages::render(StatusCode::OK, &nonce, FormAction::SelfOnly, &page)?
        }
    };
    response.headers_mut().append(SET_COOKIE, cx.app.cookies().clear_session());
    Ok(response)
}

fn protected(cookie: &SessionCookie) -> Protected<'_> {
    Protected { form: FormKind::Logout, request: cookie.session.as_bytes(), user: cookie.user.as_bytes() }
}
