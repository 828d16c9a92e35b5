//! What commands read besides their arguments.

use super::output::Failed;
use protocol::json;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Refuses the path of a new file if its folder is missing: the path is mistyped, or relative to another folder.
pub(super) fn require_folder(path: &Path) -> Result<(), Failed> {
    let whole = std::path::absolute(path)?;
    match whole.parent() {
        Some(folder) if !folder.is_dir() => Err(Failed(format!(
            "{}: there is no folder {}: correct the path, or make the folder first",
            path.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// The JSON object in the file that `--claims` names.
pub(super) fn read_claims(path: &Path) -> Result<Map<String, Value>, Failed> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failed(format!("--claims {}: can't be read: {error}", path.display())))?;
    let claims = serde_json::from_str(&text)
        .map_err(|error| Failed(format!("--claims {}: not a JSON object: {error}", path.display())))?;
    if json::object(text.as_bytes(), text.len()).is_none() {
        return Err(Failed(format!(
            "--claims {}: a member occurs twice, or is nested too deep",
            path.display()
        )));
    }
    Ok(claims)
}

/// A password: the first line of standard input.
pub(super) fn read_password() -> Result<Zeroizing<String>, Failed> {
    let text = read_all("--password-stdin")?;
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failed("--password-stdin: standard input has no password in its first line".into()));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// A client's secret: all of standard input but the end of its line. What else is there makes the secret invalid.
pub(super) fn read_secret() -> Result<Zeroizing<String>, Failed> {
    let text = read_all("--secret-stdin")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// Standard input, of which at most 64 KiB are read because `flag` asks for it.
fn read_all(flag: &str) -> Result<Zeroizing<String>, Failed> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| Failed(format!("{flag}: can't be read as UTF-8 text: {error}")))?;
    Ok(text)
}
