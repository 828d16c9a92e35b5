//! What commands read besides their arguments.

use super::output::Failed;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::Path;
use zeroize::Zeroizing;

/// The JSON object in the file that `--claims` names.
pub(super) fn read_claims(path: &Path) -> Result<Map<String, Value>, Failed> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failed(format!("--claims {}: can't be read: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failed(format!("--claims {}: not a JSON object: {error}", path.display())))
}

/// A secret: the first line of standard input, of which at most 64 KiB are read. `flag` asked for it, and names `what`
/// is missing.
pub(super) fn read_line(flag: &str, what: &str) -> Result<Zeroizing<String>, Failed> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| Failed(format!("{flag}: can't be read as UTF-8 text: {error}")))?;
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failed(format!("{flag}: standard input has no {what} in its first line")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
