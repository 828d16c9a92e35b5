//! Instructions instead of time: what a noisy neighbour can't change. The whole server runs under callgrind for
//! some requests and for more, and the difference is what a request costs. For regressions, not for speed: under
//! valgrind the wide vector instructions are hidden, so cryptography takes other paths than it does outside.

use crate::Outcome;
use crate::connection::Connection;
use crate::load::Flow;
use crate::runner::Runner;
use crate::server::Server;
use serde::Serialize;
use std::fs;
use tempfile::TempDir;

/// Requests of the smaller and of the larger run.
const FEW: u32 = 50;
const MANY: u32 = 250;

/// Instructions of one server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Instructions {
    /// The whole process with one request.
    pub start: u64,
    /// Each further request.
    pub request: u64,
}

/// Counts the instructions of a flow. `start` starts the server with the given runner.
pub async fn count<F: Flow>(
    start: impl Fn(&Runner) -> Outcome<Server>,
    flow: impl Fn(&Server) -> F,
) -> Outcome<Instructions> {
    let folder = TempDir::with_prefix("keyward-bench-")?;
    let counts = folder.path().join("callgrind.out");
    let runner = Runner::Callgrind(counts.clone());
    let mut totals = Vec::new();
    for requests in [1, FEW, MANY] {
        let server = start(&runner)?;
        let (mut connection, mut flow) = (Connection::open(server.address).await?, flow(&server));
        for _ in 0..requests {
            flow.once(&mut connection).await?;
        }
        drop(connection);
        server.stop()?;
        totals.push(total(&fs::read_to_string(&counts)?)?);
    }
    let &[start, few, many] = totals.as_slice() else { return Err("a run is missing".into()) };
    Ok(Instructions { start, request: many.saturating_sub(few) / u64::from(MANY - FEW) })
}

/// The line at the end of what callgrind writes.
fn total(counts: &str) -> Outcome<u64> {
    let line = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(line.ok_or("callgrind wrote no total")?.trim().parse()?)
}
