//! How the program speaks and how it ends.

use std::error::Error;
use std::io::Write as _;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// A result, on standard output.
pub(crate) fn print(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{}", line.trim_end_matches('\n'))
}

/// Progress and errors, on standard error.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _nobody_reads = writeln!(std::io::stderr(), "{line}");
}
