//! The URL map, on one screen.

use crate::app::App;
use crate::endpoints::{
    account, authorize, consent, health, introspect, jwks, login, logout, metadata, revoke, signup, token,
    userinfo,
};
use crate::web::failure::Failure;
use crate::web::route::Caller::{Anyone, Client, Person, Server};
use crate::web::route::route;
use crate::{middleware, pages};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;

/// Everything Keyward answers, below the issuer's path; with the pages of the demo application in `dev`.
pub fn router(app: App, demo: Option<Router<App>>) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let pages = Router::new()
        .route("/", route(Person, "GET", get(account::lead)))
        .route("/authorize", route(Person, "GET, POST", get(authorize::get).post(authorize::post)))
        .route("/login", route(Person, "GET, POST", get(login::get).post(login::post)))
        .route("/consent", route(Person, "GET, POST", get(consent::get).post(consent::post)))
        .route("/signup", route(Person, "GET, POST", get(signup::get).post(signup::post)))
        .route("/logout", route(Person, "GET, POST", get(logout::get).post(logout::post)))
        .route("/account", route(Person, "GET", get(account::get)))
        .route("/account/profile", route(Person, "GET, POST", get(account::lead).post(account::profile)))
        .route("/account/password", route(Person, "GET, POST", get(account::lead).post(account::password)))
        .route("/account/sessions", route(Person, "GET, POST", get(account::lead).post(account::sessions)))
        .route("/account/apps", route(Person, "GET, POST", get(account::lead).post(account::apps)));
    let endpoints = Router::new()
        .route("/token", route(Client, "POST", post(token::post)))
        .route("/introspect", route(Server, "POST", post(introspect::post)))
        .route("/revoke", route(Client, "POST", post(revoke::post)))
        .route("/userinfo", route(Client, "GET, POST", get(userinfo::answer).post(userinfo::answer)));
    let documents = Router::new()
        .route("/.well-known/openid-configuration", route(Anyone, "GET, HEAD", get(metadata::get)))
        .route("/.well-known/oauth-authorization-server", route(Anyone, "GET, HEAD", get(metadata::get)))
        .route("/jwks", route(Anyone, "GET, HEAD", get(jwks::get)))
        .route("/healthz", route(Anyone, "GET, HEAD", get(health::healthz)))
        .route("/readyz", route(Anyone, "GET, HEAD", get(health::readyz)));
    let pages = pages
        .merge(demo.unwrap_or_default())
        .route_layer(from_fn_with_state(app.clone(), pages::catch_panic));
    let below = pages.merge(endpoints).merge(documents);
    // RFC 8414 §3.1: with a path in the issuer, the well-known part stands before it.
    let inserted = format!("/.well-known/oauth-authorization-server{path}");
    let router = match path.as_str() {
        "" => below,
        path => {
            Router::new().nest(path, below).route(&inserted, route(Anyone, "GET, HEAD", get(metadata::get)))
        }
    };
    let begin = from_fn_with_state(app.clone(), middleware::run);
    // The first is outermost. One layer of two: each call clones the boxes of every layer added by itself.
    router.fallback(pages::nowhere).layer((begin, CatchPanicLayer::custom(panicked))).with_state(app)
}

/// What panicked stays in the log of the panic; the answer tells nothing.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Failure::internal("a handler panicked").into_response()
}
