//! The product's binary.

use std::path::PathBuf;
use storage::contract::tool::environment;

/// The `keyward` binary: the one that the variable `KEYWARD` names, or that of this build.
///
/// # Panics
/// If it is missing: cargo builds it for the tests of `server`, not for ours.
pub fn keyward_binary() -> PathBuf {
    if let Some(named) = environment("KEYWARD") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let profile = test.ancestors().nth(2).unwrap();
    let binary = profile.join("keyward").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        binary.is_file(),
        "{} is missing: run `cargo build -p server`, or test with `--workspace`",
        binary.display()
    );
    binary
}
