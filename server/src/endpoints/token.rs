//! `POST /token` (RFC 6749 §3.2).

use crate::app::App;
use crate::token::{client_credentials, code, refresh};
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use axum::extract::State;
use axum::response::Response;
use protocol::Refusal;

/// Issues tokens.
pub async fn post(State(app): State<App>, request: ClientRequest) -> Response {
    let outcome = match request.form.get("grant_type") {
        Some("authorization_code") => code::grant(&app, &request).await,
        Some("refresh_token") => refresh::grant(&app, &request).await,
        Some("client_credentials") => client_credentials::grant(&app, &request).await,
        Some(_) => Err(Failure::from(Refusal::GrantTypeUnsupported)),
        None => Err(Failure::from(Refusal::GrantTypeMissing)),
    };
    request.answer(outcome)
}
