//! What commands print: text, or exactly one JSON document. Everything else goes to standard error.

use crate::admin::AdminError;
use protocol::client::BadClient;
use protocol::redirect_uri::BadRedirectUri;
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

/// Why a command failed. The text says what is wrong and how to fix it.
#[derive(Debug)]
pub(super) struct Failed(pub(super) String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        let Some(refused) = (&error as &dyn Error).downcast_ref::<AdminError>() else {
            return Self(error.to_string());
        };
        let each = refused.each().iter().map(|error| format!("{error}{}", hint(error)));
        Self(each.collect::<Vec<_>>().join("\n"))
    }
}

/// The flag or the command that helps, which [`AdminError`] doesn't know.
fn hint(error: &AdminError) -> &'static str {
    match error {
        AdminError::NoClient(_) => "; `keyward client list` shows them",
        AdminError::NoUser(_) => "; `keyward user list` shows them (an unverified e-mail address is no name)",
        AdminError::NoGroup(_) => "; `keyward group list` shows them",
        AdminError::ClientExists(_) => " (--id)",
        AdminError::Client(why) => match why {
            BadClient::RedirectUri(_, BadRedirectUri::NotNative) => " (--native)",
            BadClient::RedirectUri(_, BadRedirectUri::SchemeWithoutDot) => " (--native, --dotless-schemes)",
            BadClient::RedirectUri(_, BadRedirectUri::Pattern) => "; the flag can be repeated",
            BadClient::NoRedirectUri => " (--redirect-uri)",
            BadClient::NoGrantType => " (--grant)",
            BadClient::PublicClientCredentials => " (--auth-method)",
            BadClient::PublicWithoutPkce => ": leave out --no-pkce",
            BadClient::PublicFirstParty => ": leave out --first-party",
            _ => "",
        },
        AdminError::User(refused, _) if refused.is_overridable() => " with --allow-lookalike",
        _ => "",
    }
}

/// How a command ends.
pub(super) type Outcome = Result<(), Failed>;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// Whether to print JSON.
    pub(super) json: bool,
}

impl Output {
    /// Prints a result: `document` as JSON, or `text`.
    pub(super) fn result(self, document: &impl Serialize, text: impl fmt::Display) -> Outcome {
        let line = if self.json { serde_json::to_string_pretty(document)? } else { text.to_string() };
        print(&line)
    }
}

/// Without the characters by which a name that somebody chose could give commands to a terminal, or reorder what it shows.
/// In JSON, the escapes mean the same characters.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_hostile = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_hostile) {
        return text.into();
    }
    let escape = |c: char| if is_hostile(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// The same on one line, for a name in a list.
pub(super) fn one_line(text: &str) -> String {
    escaped(text).replace('\n', "\\n")
}

/// Writes a line to standard output. A closed pipe (`| head`) is no failure.
pub(super) fn print(line: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", escaped(line.trim_end_matches('\n'))).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to standard error: progress, hints, what went wrong.
pub(super) fn note(line: impl fmt::Display) {
    let _nobody_reads = writeln!(io::stderr(), "{}", escaped(&line.to_string()));
}

/// An instant as text, in UTC.
pub(super) fn show_time(at: protocol::time::Timestamp) -> String {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    let shown = jiff::Timestamp::from_millisecond(millis);
    shown.map_or_else(|_| "never".into(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Columns under headings, each as wide as its widest cell.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// With its headings.
    pub(super) fn new(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned)] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..N).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// The progress of a long command, on standard error if that is a terminal.
pub(super) struct Progress {
    what: &'static str,
    shown: u64,
}

impl Progress {
    /// Of `what`, which is counted.
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, shown: 0 }
    }

    /// Shows that `done` of `all` are done.
    pub(super) fn show(&mut self, done: u64, all: u64) {
        let percent = (done * 100).checked_div(all).unwrap_or(100);
        if !io::stderr().is_terminal() || (done < all && percent == self.shown) {
            return;
        }
        self.shown = percent;
        let bar = "#".repeat((percent / 5) as usize);
        let end = if done == all { "\n" } else { "" };
        let _nobody_reads = write!(io::stderr(), "\r[{bar:20}] {done} of {all} {}{end}", self.what);
    }
}
