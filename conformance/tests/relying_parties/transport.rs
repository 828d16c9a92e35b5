//! How the libraries reach the server.

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpStream;

pub(crate) type Answered =
    Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, hyper::Error>> + Send>>;

/// Sends the libraries' requests to the server's address, whatever the issuer's name.
pub(crate) fn transport(address: SocketAddr) -> impl Fn(http::Request<Vec<u8>>) -> Answered {
    move |request| Box::pin(send(address, request))
}

async fn send(
    address: SocketAddr,
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, hyper::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    head.headers.insert("host", address.to_string().parse().unwrap());
    head.uri = head.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let response = sender.send_request(http::Request::from_parts(head, Full::new(Bytes::from(body)))).await?;
    let (head, body) = response.into_parts();
    Ok(http::Response::from_parts(head, body.collect().await?.to_bytes().to_vec()))
}
