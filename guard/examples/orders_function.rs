//! An API as an AWS Lambda function behind API Gateway, protected by itself, whatever the gateway checks.
#![expect(clippy::disallowed_methods, reason = "it is a program, with settings of its own")]

use axum::Router;
use axum::routing::get;
use keyward_guard::{Caller, Guard, Issuer, Verifier};
use std::env::var;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let issuer = Issuer::new(&var("ISSUER")?).audience(&var("AUDIENCE")?);
    let verifier = Verifier::new(issuer)?;
    // While Lambda initialises the function. If the issuer is away, the first request tries again.
    let _unavailable = verifier.warm().await;
    let reading = Guard::new(verifier).scopes(["orders:read"]);
    let mut app = Router::new();
    for path in ["/orders", "/invoices", "/stock"] {
        app = app.route(path, get(read));
    }
    lambda_http::run(app.layer(reading)).await
}

async fn read(caller: Caller) -> String {
    format!("for {}\n", caller.subject())
}
