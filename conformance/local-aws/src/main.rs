//! The AWS services Keyward uses, on this machine and one port: DynamoDB, through the emulator `dynoxide`, and KMS
//! ([`kms`]). Both keep everything in memory.
//!
//! One process that ends with Ctrl-C, or with its standard input when a program started it. What the emulator
//! lacks, the two calls about continuous backups, is answered here. Absent on purpose: any check of the caller,
//! and anything that outlives the process.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use backups::Backups;
use dynoxide::Database;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kms::api::{self, Kms};
use kms::control;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

mod backups;
mod kms;

/// Names the called operation, as `DynamoDB_20120810.GetItem` or `TrentService.Sign`.
const TARGET: &str = "x-amz-target";
/// Where it listens unless told otherwise.
const ADDRESS: &str = "127.0.0.1:8000";
/// Larger than any call of DynamoDB or KMS.
const LARGEST_BODY: usize = 16 << 20;
const USAGE: &str = "usage: local-aws [--listen ADDRESS] [--until-stdin-closes]";

/// What a call goes through.
#[derive(Clone)]
struct Front {
    database: Database,
    emulator: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    backups: Backups,
    kms: Arc<Kms>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (mut address, mut until_stdin_closes) = (ADDRESS.to_owned(), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.len()) {
            ("--listen", 1..) => address = arguments.next().unwrap_or_default(),
            ("--until-stdin-closes", _) => until_stdin_closes = true,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    match serve(&address, until_stdin_closes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str, until_stdin_closes: bool) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let behind = TcpListener::bind("127.0.0.1:0").await?;
    let database = Database::memory()?;
    // Answers are small, and are waited for.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let front = Front {
        database: database.clone(),
        emulator: behind.local_addr()?,
        client: Client::builder(TokioExecutor::new()).build(connector),
        backups: Backups::default(),
        kms: Arc::default(),
    };
    tokio::spawn(dynoxide::server::serve_on(behind, database));
    println!("local-aws listening on http://{address}");
    let calls = axum::serve(listener, Router::new().fallback(call).with_state(front));
    tokio::select! {
        served = calls => served?,
        _ = tokio::signal::ctrl_c() => {}
        () = stdin_closed(), if until_stdin_closes => {}
    }
    Ok(())
}

async fn stdin_closed() {
    let mut unread = [0; 64];
    while let Ok(1..) = tokio::io::stdin().read(&mut unread).await {}
}

async fn call(State(front): State<Front>, request: Request) -> Response {
    match answer(&front, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn answer(front: &Front, request: Request) -> Result<Response, Box<dyn Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await?;
    if parts.uri.path().starts_with(control::PREFIX) {
        return Ok(control::answer(&front.kms, &parts.method, &parts.uri, &body));
    }
    let target = parts.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
    if let Some(operation) = target.strip_prefix(api::SERVICE) {
        return Ok(api::call(&front.kms, operation, &parts.headers, body).await);
    }
    if let Some((status, answer)) = front.backups.answer(&front.database, target, &body) {
        return Ok((status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer).into_response());
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri =
        Uri::builder().scheme("http").authority(front.emulator.to_string()).path_and_query(path).build()?;
    let response = front.client.request(Request::from_parts(parts, Full::new(body))).await?;
    Ok(response.map(|body| Body::new(body.map_err(axum::Error::new))))
}
