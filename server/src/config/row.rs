//! A row of the table of settings.

use super::draft::Draft;
use super::settings::Settings;

/// What is shown in place of a secret.
pub(super) const MASK: &str = "(hidden)";

/// A setting.
pub struct Row {
    /// Its name in the file. The environment variable is `KEYWARD_` and the key in upper case.
    pub key: &'static str,
    /// The default as text, read like any value; `None` if it depends on other things.
    pub default: Option<&'static str>,
    /// The default in words, if `default` is `None`.
    pub default_words: &'static str,
    /// What it means, in Markdown.
    pub doc: &'static str,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// Reads a text into the draft, or says how to fix it.
    pub(super) read: fn(&mut Draft, &str) -> Result<(), String>,
    /// Writes the value in force as it could be written in the file; `None`: not set.
    pub(super) show: fn(&Settings) -> Option<String>,
}

impl Row {
    /// The environment variable that overrides the file.
    pub fn variable(&self) -> String {
        format!("KEYWARD_{}", self.key.to_ascii_uppercase())
    }

    /// The value in force, masked where it is secret.
    pub fn shown(&self, settings: &Settings) -> Option<String> {
        let value = (self.show)(settings)?;
        Some(if self.secret { MASK.into() } else { value })
    }
}

/// A row for a duration: key, default, least, most, doc, and the field it fills.
macro_rules! duration_row {
    ($key:literal, $default:literal, $least:literal..=$most:literal, $doc:literal, $($field:ident).+) => {
        $crate::config::row::Row {
            key: $key,
            default: Some($default),
            default_words: "",
            doc: concat!($doc, " From ", $least, " to ", $most, "."),
            secret: false,
            read: |draft, text| {
                draft.$($field).+ = $crate::config::text::duration_within(text, $least, $most)?;
                Ok(())
            },
            show: |settings| Some($crate::config::text::show_duration(settings.$($field).+)),
        }
    };
}

pub(super) use duration_row;
