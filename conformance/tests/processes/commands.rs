//! Commands as tests run them, and what they are given.

use conformance::process::run;
use serde_json::Value;
use std::path::Path;

/// Settings that keep a test fast: one elliptic-curve key.
pub(crate) const QUICK: [(&str, &str); 1] = [("KEYWARD_SIGNING_ALGS", "ES256")];

pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

pub(crate) const REDIRECT: &str = "https://rp.example/cb";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a command prints with `--json`.
pub(crate) fn json(folder: &Path, arguments: &[&str], input: &str) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = run(folder, &arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs all futures concurrently and waits for them.
pub(crate) async fn join<T, F: Future<Output = T>>(all: Vec<F>) -> Vec<T> {
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
