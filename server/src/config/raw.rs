//! First stage: the texts that were set, and where. It knows which keys exist, but not what they mean.

use super::bad_setting::{BadSetting, Origin};
use super::env::Env;
use super::row::MASK;
use super::service_links::is_service_link;
use super::table;
use crate::near::did_you_mean;
use crate::regular_file;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file that is read when none is named, if it is there.
pub const DEFAULT_FILE: &str = "keyward.toml";

const PREFIX: &str = "KEYWARD_";

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct RawValue {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// What was set, by key; later layers replace earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    values: BTreeMap<&'static str, RawValue>,
    /// The platform's variable for the port, which counts when `listen` isn't set.
    pub(super) platform_port: Option<(&'static str, String)>,
    service_links: Vec<String>,
}

impl Raw {
    /// Reads file and environment. `file: None` means [`DEFAULT_FILE`], which need not exist.
    pub fn read(file: Option<&Path>, env: &Env) -> Result<Self, BadSetting> {
        Self::read_by(|path| std::fs::read_to_string(path), file, env)
    }

    /// The same while a server runs, which must not wait for the writer of a pipe.
    pub fn reread(file: Option<&Path>, env: &Env) -> Result<Self, BadSetting> {
        let text =
            |contents: &[u8]| std::str::from_utf8(contents).map(str::to_owned).map_err(io::Error::other);
        Self::read_by(|path| text(&regular_file::read(path)?), file, env)
    }

    fn read_by(
        read: impl Fn(&Path) -> io::Result<String>,
        file: Option<&Path>,
        env: &Env,
    ) -> Result<Self, BadSetting> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let body = match read(path) {
            Ok(body) => Some(body),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fix = format!("correct the path, or leave out `--config` to read `{DEFAULT_FILE}`");
                return Err(unreadable(path, &format!("{error}; {fix}")));
            }
            Err(error) => return Err(unreadable(path, &error.to_string())),
        };
        Self::of(body.as_deref().map(|body| (path, body)), env)
    }

    /// The same from the text of a file.
    pub fn of(file: Option<(&Path, &str)>, env: &Env) -> Result<Self, BadSetting> {
        let mut raw = Self::default();
        if let Some((path, body)) = file {
            raw.add_file(path, body)?;
        }
        raw.add_environment(env)?;
        Ok(raw)
    }

    /// Sets a key by a flag of the command line, which overrides everything else.
    pub fn set_flag(&mut self, key: &'static str, flag: &'static str, text: String) {
        self.values.insert(key, RawValue { text, origin: Origin::Flag(flag) });
    }

    /// Gives a key another default; a value that was set stays.
    pub fn set_default(&mut self, key: &'static str, text: &str) {
        self.values.entry(key).or_insert_with(|| RawValue { text: text.into(), origin: Origin::Default });
    }

    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        self.values.get(key)
    }

    /// Where a key's value comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.get(key).map_or(Origin::Default, |value| value.origin.clone())
    }

    /// The complaint about a key's value, or about its absence.
    pub fn complaint(&self, key: &str, fix: impl Into<String>) -> BadSetting {
        let value = self.get(key);
        let masked = table::row(key).is_some_and(|row| row.secret);
        let shown = |value: &RawValue| if masked { MASK.to_owned() } else { value.text.clone() };
        BadSetting { key: key.into(), value: value.map(shown), origin: self.origin(key), fix: fix.into() }
    }

    /// The variables that Kubernetes set for a Service named like us, which are no settings.
    pub fn service_links(&self) -> impl Iterator<Item = &str> {
        self.service_links.iter().map(String::as_str)
    }

    fn add_file(&mut self, path: &Path, body: &str) -> Result<(), BadSetting> {
        // The parser's message quotes the line, which may hold a secret: only its number is shown.
        let parsed: toml::Table = toml::from_str(body).map_err(|error| {
            let before = error.span().and_then(|span| body.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            unreadable(path, &format!("line {line}: {}", error.message()))
        })?;
        let origin = Origin::File(path.into());
        for (key, value) in parsed {
            let known = known_key(&key, &origin)?;
            let text = match &value {
                // The one setting that is a table; as text it is JSON.
                toml::Value::Table(table) if known == "claims" => serde_json::to_string(table).ok(),
                value => flatten(value),
            };
            let complaint = |fix: &str| BadSetting {
                key: key.clone(),
                value: None,
                origin: origin.clone(),
                fix: fix.into(),
            };
            let text =
                text.ok_or_else(|| complaint("write a text, a number, true or false, or a list of texts"))?;
            self.insert(known, text, origin.clone())?;
        }
        Ok(())
    }

    fn add_environment(&mut self, env: &Env) -> Result<(), BadSetting> {
        for (name, text) in env.with_prefix(PREFIX) {
            let (key, origin) = (name.to_ascii_lowercase(), Origin::Environment(format!("{PREFIX}{name}")));
            if table::row(&key).is_none() && is_service_link(name, text) {
                self.service_links.push(format!("{PREFIX}{name}"));
                continue;
            }
            let known = known_key(&key, &origin)?;
            self.insert(known, text.into(), origin)?;
        }
        let port = |name| env.get(name).filter(|port| !port.is_empty()).map(|port| (name, port.to_owned()));
        // The more specific name first: the host of a custom handler may set both.
        self.platform_port = port("FUNCTIONS_CUSTOMHANDLER_PORT").or_else(|| port("PORT"));
        Ok(())
    }

    fn insert(&mut self, key: &'static str, text: String, origin: Origin) -> Result<(), BadSetting> {
        let plain = !text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
        let fix = match text.trim() {
            "" => Some("it is empty: give a value, or remove it for the default"),
            // A line break would get into headers and logs.
            _ if !plain => Some("write plain UTF-8 text without line breaks or control characters"),
            _ => None,
        };
        self.values.insert(key, RawValue { text: text.trim().into(), origin });
        fix.map_or(Ok(()), |fix| Err(self.complaint(key, fix)))
    }
}

fn unreadable(path: &Path, what: &str) -> BadSetting {
    BadSetting {
        key: "--config".into(),
        value: Some(path.display().to_string()),
        origin: Origin::File(PathBuf::from(path)),
        fix: format!("can't be read: {what}"),
    }
}

fn known_key(key: &str, origin: &Origin) -> Result<&'static str, BadSetting> {
    if let Some(row) = table::row(key) {
        return Ok(row.key);
    }
    let guess = did_you_mean(key, table::ROWS.iter().map(|row| row.key));
    Err(BadSetting {
        key: key.into(),
        value: None,
        origin: origin.clone(),
        fix: format!("there is no such setting{guess}"),
    })
}

/// Lists become comma-separated text, so file and environment are read by the same code.
fn flatten(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Datetime(at) => Some(at.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
