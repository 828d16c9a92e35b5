//! The product as operators run it: real processes on a real file.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod guides;
mod operating;
mod sharing;

use conformance::process::run;
use serde_json::Value;
use std::path::Path;

/// Settings that keep a test quick: one elliptic key.
const QUICK: [(&str, &str); 1] = [("KEYWARD_SIGNING_ALGS", "ES256")];

/// What a command prints with `--json`.
fn json(folder: &Path, arguments: &[&str], input: &str) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = run(folder, &arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
