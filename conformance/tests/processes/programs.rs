//! Programs of this repository besides the product.

use conformance::keyward_binary;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a package's `--bin NAME` or `--example NAME`, next to the product.
pub(crate) fn built(package: &str, what: [&str; 2]) -> PathBuf {
    let binaries = keyward_binary().parent().unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", package]).args(what);
    cargo.arg("--target-dir").arg(binaries.parent().unwrap());
    assert!(cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).status().unwrap().success());
    binaries.join(if what[0] == "--example" { "examples" } else { "" }).join(what[1])
}
