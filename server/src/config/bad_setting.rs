//! A setting that can't be used, and where it came from.

use super::text::ScreenText;
use std::fmt;
use std::path::PathBuf;

/// A setting that stops the start. Its text is one line: key, value (masked if secret), origin and fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The key, as it is written in the file.
    pub key: String,
    /// The value as it may be shown; `None` if there is none.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: Origin,
    /// How to fix it.
    pub fix: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting `{}`", ScreenText(&self.key))?;
        if let Some(value) = &self.value {
            write!(f, " = `{}`", ScreenText(value))?;
        }
        write!(f, " ({}): {}", self.origin, self.fix)
    }
}

impl std::error::Error for BadSetting {}

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "{}", ScreenText(name)),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}
