//! An API whose orders can be read with the scope `orders:read` and changed with `orders:write`.
#![expect(clippy::print_stdout, reason = "it is a program")]

use axum::Router;
use axum::routing::{get, post};
use keyward_guard::{Caller, Guard, Issuer, Verifier};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, address] = arguments.as_slice() else { return Err("usage: orders ISSUER ADDRESS".into()) };

    let issuer = Issuer::new(issuer).audience("https://orders.example.com");
    let guard = Guard::new(Verifier::new(issuer)?);
    let reading = get(read_orders).layer(guard.scopes(["orders:read"]));
    let writing = post(add_order).layer(guard.scopes(["orders:write"]));
    let app = Router::new().route("/orders", reading.merge(writing));

    let listener = TcpListener::bind(address).await?;
    println!("orders listening on http://{address}");
    Ok(axum::serve(listener, app).await?)
}

async fn read_orders(caller: Caller) -> String {
    format!("the orders of {}\n", caller.subject())
}

async fn add_order(caller: Caller) -> String {
    format!("an order of {}\n", caller.subject())
}
