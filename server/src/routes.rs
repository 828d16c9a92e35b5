//! The URL map, on one screen.

use crate::app::App;
use crate::endpoints::{
    account, authorize, consent, health, introspect, jwks, login, logout, metadata, revoke, signup, token,
    userinfo, well_known,
};
use crate::interaction::Page;
use crate::middleware;
use crate::pages;
use crate::web::failure::Failure;
use crate::web::route::Caller::{Anyone, Client, Monitor, Person, Server};
use crate::web::route::route;
use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;

/// Everything Keyward answers, below the issuer's path; with the pages of the demo application in `dev`.
pub fn router(app: App, demo: Option<Router<App>>) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let pages = Router::new()
        .route("/", page(account::lead))
        .route("/authorize", form(authorize::get, authorize::post))
        .route("/login", form(login::get, login::post))
        .route("/consent", form(consent::get, consent::post))
        .route("/signup", form(signup::get, signup::post))
        .route("/logout", form(logout::get, logout::post))
        .route("/account", page(account::get))
        .route("/account/profile", form(account::lead, account::profile))
        .route("/account/password", form(account::lead, account::password))
        .route("/account/sessions", form(account::lead, account::sessions))
        .route("/account/apps", form(account::lead, account::apps));
    let endpoints = Router::new()
        .route("/token", route(Client, "POST", post(token::post)))
        .route("/introspect", route(Server, "POST", post(introspect::post)))
        .route("/revoke", route(Client, "POST", post(revoke::post)))
        .route("/userinfo", route(Client, "GET, POST", get(userinfo::answer).post(userinfo::answer)));
    let documents = Router::new()
        .route("/.well-known/openid-configuration", route(Anyone, "GET, HEAD", get(metadata::get)))
        .route("/.well-known/oauth-authorization-server", route(Anyone, "GET, HEAD", get(metadata::get)))
        .route("/jwks", route(Anyone, "GET, HEAD", get(jwks::get)))
        .route("/healthz", route(Monitor, "GET, HEAD", get(health::healthz)))
        .route("/readyz", route(Monitor, "GET, HEAD", get(health::readyz)));
    // At the root of the host, wherever the issuer is (RFC 8615 §3).
    let of_the_host = Router::new()
        .route("/.well-known/change-password", page(well_known::change_password))
        .route("/.well-known/security.txt", route(Anyone, "GET, HEAD", get(well_known::security_txt)));
    let pages = pages
        .merge(demo.unwrap_or_default())
        .route_layer(from_fn_with_state(app.clone(), pages::catch_panic));
    let below = pages.merge(endpoints).merge(documents).merge(of_the_host.clone());
    // RFC 8414 §3.1: with a path in the issuer, the well-known part comes before it.
    let inserted = format!("/.well-known/oauth-authorization-server{path}");
    let router = match path.as_str() {
        "" => below,
        path => Router::new()
            .nest(path, below)
            .route(&inserted, route(Anyone, "GET, HEAD", get(metadata::get)))
            .merge(of_the_host),
    };
    let begin = from_fn_with_state(app.clone(), middleware::run);
    // The first is outermost. They are one layer of two, because each call clones the boxes of every layer.
    router.fallback(pages::nowhere).layer((begin, CatchPanicLayer::custom(panicked))).with_state(app)
}

/// A page.
fn page<G>(show: G) -> MethodRouter<App>
where
    Page<G>: Handler<(), App>,
{
    route(Person, "GET", get(Page(show)))
}

/// A page with a form.
fn form<G, P>(show: G, submit: P) -> MethodRouter<App>
where
    Page<G>: Handler<(), App>,
    Page<P>: Handler<(), App>,
{
    route(Person, "GET, POST", get(Page(show)).post(Page(submit)))
}

/// The message of a panic is only in the log; the answer has nothing of it.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Failure::internal("a handler panicked").into_response()
}
