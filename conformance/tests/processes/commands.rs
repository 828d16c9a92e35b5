//! Commands as tests run them, and what they are given.

use axum::body::Body;
use conformance::process::run_with;
pub(crate) use conformance::{CHALLENGE, REDIRECT, VERIFIER};
use conformance::{With as _, basic, form};
use http::Request;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Settings that keep a test fast: one elliptic-curve key.
pub(crate) const QUICK: [(&str, &str); 1] = [("KEYWARD_SIGNING_ALGS", "ES256")];

pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// What a command prints with `--json`.
pub(crate) fn json(folder: &Path, arguments: &[&str], input: &str) -> Value {
    json_with(folder, arguments, &[], input)
}

/// The same with some environment.
pub(crate) fn json_with(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = run_with(folder, &arguments, environment, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Creates a client that gets tokens for itself: its id, and the request that asks for one.
pub(crate) fn machine(folder: &Path) -> (String, impl Fn() -> Request<Body>) {
    let client = json(folder, &["client", "create", "--name", "M", "--scope", "read"], "");
    let [id, secret] = ["client_id", "client_secret"].map(|name| client[name].as_str().unwrap().to_owned());
    let authorization = basic(&id, &secret);
    let ask =
        move || form("/token", &[("grant_type", "client_credentials")]).with("authorization", &authorization);
    (id, ask)
}

/// The same command, which logs to a file.
pub(crate) fn logging(command: &Command, log: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2>\"$LOG\""]).arg(command.get_program()).args(command.get_args());
    let settings = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.env_clear().envs(settings).env("LOG", log);
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
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
