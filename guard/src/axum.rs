//! The verified token as an argument of axum's handlers.

use crate::layer::respond;
use crate::metadata::ResourceMetadata;
use crate::rejection::{Reason, Rejection};
use crate::token::Token;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::ops::Deref;

/// Who calls, for handlers behind a [`GuardLayer`](crate::GuardLayer): the token, and its claims as a type of yours.
///
/// A token whose claims don't fit the type is refused with 401. On a route without the layer, every request is answered
/// with 500.
#[derive(Clone, Debug)]
pub struct Caller<C = IgnoredAny> {
    /// The token.
    pub token: Token,
    /// Its claims.
    pub claims: C,
}

impl<C> Deref for Caller<C> {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.token
    }
}

impl<S: Send + Sync, C: DeserializeOwned> FromRequestParts<S> for Caller<C> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let Some(token) = parts.extensions.get::<Token>().cloned() else {
            tracing::error!("a handler takes a Caller, but its route has no layer of a Guard");
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        match token.claims() {
            Ok(claims) => Ok(Self { token, claims }),
            Err(_) => Err(Rejection::Invalid(Reason::Claims).into_response()),
        }
    }
}

/// For handlers that refuse by themselves.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        tracing::info!(status = self.status().as_u16(), reason = %self, "request refused");
        respond(&self, None)
    }
}

/// `Router::route(&metadata.path(), get(metadata))` serves it.
impl IntoResponse for ResourceMetadata {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.json()).into_response()
    }
}
