//! `/userinfo` (OIDC Core §5.3): claims about a user, for the bearer of an access token with `openid`.

use crate::app::App;
use crate::headers::{JSON, NO_STORE};
use crate::token::access::AccessToken;
use crate::web::failure::{Failure, explain};
use crate::web::request_info::RequestInfo;
use crate::web::{bearer, cors};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use keys::Snapshot;
use protocol::Refusal;
use protocol::client::Client;
use protocol::evidence::Evidence;
use protocol::params::Params;

/// Answers GET and POST.
pub async fn answer(State(app): State<App>, info: RequestInfo, request: Request) -> Response {
    let origin = cors::origin(request.headers());
    let token = match bearer::token(request).await {
        Ok(Some(token)) => token,
        Ok(None) => return bearer::missing(),
        Err(failure) => return bearer::refuse(failure),
    };
    let read = async {
        let ring = app.keys.fresh().await?;
        let token = AccessToken::open(&ring, info, &token)?.ok_or(Refusal::TokenInvalid)?;
        let client = app.client(&token.claims.client_id).await?.ok_or(Refusal::TokenEnded)?;
        Ok::<_, Failure>((ring, token, client))
    };
    let (ring, token, client) = match read.await {
        Ok(read) => read,
        Err(failure) => return bearer::refuse(failure),
    };
    let outcome = claims(&app, info, &ring, &token, &client).await;
    let mut response = outcome.unwrap_or_else(bearer::refuse);
    explain(&mut response, |refusal| Evidence::of(refusal, &Params::default(), Some(&client)));
    cors::allow(&mut response, origin, &client);
    response
}

async fn claims(
    app: &App,
    info: RequestInfo,
    ring: &Snapshot,
    token: &AccessToken,
    client: &Client,
) -> Result<Response, Failure> {
    token.claims.check(&app.settings.issuer, info.at)?;
    // A token without a grant is a client's own: nobody signed in.
    let grant = token.grant.ok_or(Refusal::TokenWithoutUser)?;
    if !token.claims.scope.contains("openid") {
        return Err(Refusal::ScopeInsufficient.into());
    }
    let view = app.store.load_token(&token.id(), Some(grant)).await?;
    let alive = token.of_user(&view, client, ring.generation(), info.at);
    let (grant, user) = alive.ok_or(Refusal::TokenEnded)?;
    let claims = app.settings.claims.userinfo(user, &token.claims.scope, &grant.claims, client);
    let body = serde_json::to_vec(&claims).map_err(|_| Failure::internal("claims can't be serialized"))?;
    Ok(([JSON], NO_STORE, body).into_response())
}
