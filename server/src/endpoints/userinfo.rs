//! `/userinfo` (OIDC Core §5.3): claims about a user, for whoever holds an access token with `openid`.

use crate::app::App;
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::http::headers::{JSON, NO_STORE};
use crate::http::{bearer, cors};
use crate::keys::Snapshot;
use crate::seal::SealKind;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use protocol::Refusal;
use protocol::base64url;
use protocol::claims::access_token::Presented;
use protocol::claims::standard;
use protocol::client::Client;
use protocol::id::{GrantId, UserId};
use protocol::jwt::Compact;
use storage::GrantView;

/// Answers GET and POST.
pub async fn answer(State(app): State<App>, call: Call, request: Request) -> Response {
    let origin = cors::origin(request.headers());
    let token = match bearer::token(request).await {
        Ok(Some(token)) => token,
        Ok(None) => return bearer::missing(),
        Err(failure) => return bearer::refuse(failure),
    };
    let ring = app.keys.fresh().await.unwrap_or_else(|_| app.keys.current());
    let read = async {
        let presented = verify(&ring, call, &token)?;
        let client = app.client(&presented.client_id).await?.ok_or(Refusal::TokenInvalid)?;
        Ok::<_, Failure>((presented, client))
    };
    let (presented, client) = match read.await {
        Ok(read) => read,
        Err(failure) => return bearer::refuse(failure),
    };
    let outcome = claims(&app, call, &ring, &presented, &client).await;
    let mut response = outcome.unwrap_or_else(bearer::refuse);
    cors::allow(&mut response, origin, &client);
    response
}

/// Ours by signature and type (RFC 9068 §4). Everything else about it is asked later.
fn verify(ring: &Snapshot, call: Call, token: &str) -> Result<Presented, Refusal> {
    let token = Compact::parse(token).ok_or(Refusal::TokenInvalid)?;
    if !token.header.is_typ("at+jwt") || !ring.verify(&token, call.at) {
        return Err(Refusal::TokenInvalid);
    }
    token.claims().ok_or(Refusal::TokenInvalid)
}

async fn claims(
    app: &App,
    call: Call,
    ring: &Snapshot,
    presented: &Presented,
    client: &Client,
) -> Result<Response, Failure> {
    presented.check(&app.settings.issuer, call.at)?;
    // A token without a grant is a client's own: nobody signed in.
    let (user, grant) = locate(ring, &presented.jti).ok_or(Refusal::TokenInvalid)?;
    if !presented.scope.contains("openid") {
        return Err(Refusal::ScopeInsufficient.into());
    }
    let GrantView { grant, user } = app.store.load_grant(&user, &grant).await?;
    let (grant, user) = grant.zip(user).ok_or(Refusal::TokenInvalid)?;
    let alive = grant.is_alive(&user, client, ring.not_before(), call.at);
    if !alive || user.subject.as_str() != presented.sub {
        return Err(Refusal::TokenInvalid.into());
    }
    let claims = standard::userinfo(&user, &presented.scope, &grant.claims);
    let body = serde_json::to_vec(&claims).map_err(|_| Failure::internal("claims can't be written"))?;
    Ok(([JSON], NO_STORE, body).into_response())
}

fn locate(ring: &Snapshot, jti: &str) -> Option<(UserId, GrantId)> {
    let opened = ring.seals().open(SealKind::TokenId, &base64url::decode(jti)?)?;
    let (user, rest) = opened.plaintext.split_first_chunk::<16>()?;
    let (grant, _) = rest.split_first_chunk::<16>()?;
    Some((UserId::from_bytes(*user), GrantId::from_bytes(*grant)))
}
