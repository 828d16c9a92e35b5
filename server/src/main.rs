//! The `keyward` binary. Its commands are not written yet: it says so and fails, rather than pretend.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let _ =
        writeln!(std::io::stderr(), "keyward: this build has no commands yet; see README.md for what stands");
    ExitCode::FAILURE
}
