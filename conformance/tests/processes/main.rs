//! The product as operators run it: real processes on a real file.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod crowd;
mod front;
mod guides;
mod killing;
mod operating;
mod outage;
mod rewrapping;
mod sharing;

use conformance::process::run;
use serde_json::Value;
use std::path::Path;

/// Settings that keep a test quick: one elliptic key.
const QUICK: [(&str, &str); 1] = [("KEYWARD_SIGNING_ALGS", "ES256")];

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

const REDIRECT: &str = "https://rp.example/cb";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a command prints with `--json`.
fn json(folder: &Path, arguments: &[&str], input: &str) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = run(folder, &arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits for all of them, running at once.
async fn join<T, F: Future<Output = T>>(all: Vec<F>) -> Vec<T> {
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(answer) = future.as_mut().poll(cx)
            {
                *slot = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
