//! From the start of a process to its first token, with keys made before.

use crate::Outcome;
use crate::clock::now;
use crate::connection::Connection;
use crate::load::Flow;
use crate::rounds::Spread;
use crate::server::Server;

/// Starts a server `times` times, asks each for a token at once, and stops it. In milliseconds.
pub async fn first_tokens<F: Flow>(
    times: usize,
    start: impl Fn() -> Outcome<Server>,
    flow: impl Fn(&Server) -> F,
) -> Outcome<Spread> {
    let mut millis = Vec::with_capacity(times);
    for _ in 0..times {
        let begin = now();
        let server = start()?;
        flow(&server).once(&mut Connection::open(server.address).await?).await?;
        millis.push(begin.elapsed().as_secs_f64() * 1e3);
        server.stop()?;
    }
    Ok(Spread::of(millis.into_iter()))
}
