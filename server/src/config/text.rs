//! Readers of single values: durations, switches, lists. Each error says in one sentence what to write.

use std::fmt::{self, Write as _};
use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads `30s`, `10m`, `24h`, `7d`, or sums like `2h10m`. A bare `0` is the only number without a unit.
///
/// # Errors
/// What to write, in one sentence.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a duration such as 60s, 10m, 24h or 30d".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut seconds, mut units) = (text, 0_u64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        // Units get smaller from left to right, so `10m2h` and `1h1h` are errors.
        let (unit, factor) = units.find(|(unit, _)| tail.starts_with(unit)).ok_or_else(wrong)?;
        let part = number.checked_mul(*factor).ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        rest = tail.strip_prefix(unit).ok_or_else(wrong)?;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Reads a duration within bounds.
pub(super) fn duration_within(text: &str, least: &str, most: &str) -> Result<Duration, String> {
    let value = duration(text)?;
    if value < duration(least)? || value > duration(most)? {
        return Err(format!("choose a duration from {least} to {most}"));
    }
    Ok(value)
}

/// Writes a duration as [`duration`] reads it.
pub fn show_duration(value: Duration) -> String {
    let (mut rest, mut shown) = (value.as_secs(), String::new());
    for (unit, factor) in UNITS {
        // Days are used only for whole days: 26h is clearer than 1d2h.
        if rest >= factor && (unit != "d" || rest % factor == 0) {
            let _infallible = write!(shown, "{}{unit}", rest / factor);
            rest %= factor;
        }
    }
    if shown.is_empty() { "0".into() } else { shown }
}

/// Reads one of two words.
pub(super) fn either(text: &str, yes: &str, no: &str) -> Result<bool, String> {
    match text {
        text if text == yes => Ok(true),
        text if text == no => Ok(false),
        _ => Err(format!("write `{yes}` or `{no}`")),
    }
}

/// Splits a comma-separated list; spaces around items are ignored.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// Untrusted text on a terminal or in a log line: control characters are escaped, so it stays one line.
pub(super) struct ScreenText<'a>(pub(super) &'a str);

impl fmt::Display for ScreenText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}
