//! What an operator decides. Settings come from a file, then the environment, then the command line; [`table`]
//! lists every one of them once, and parsing, `config show` and the reference page all follow that table.
//!
//! Two stages, so that each can be read alone: [`raw`] collects texts and refuses unknown keys, [`resolve`]
//! turns them into [`Settings`] and refuses what is unsafe. Nothing else in the server reads the environment.

use crate::config::text::ScreenText;
use aws_lc_rs::hmac;
use protocol::base64url;
use protocol::issuer::Issuer;
use protocol::jwk::Algorithm;
use protocol::lifetimes::Lifetimes;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use subtle::ConstantTimeEq;

pub mod env;
pub mod page;
pub mod raw;
pub mod resolve;
pub mod table;
#[cfg(test)]
mod tests;
mod text;

pub use text::duration;

/// Everything that was decided, checked as a whole.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name; never taken from a request.
    pub issuer: Issuer,
    /// Whether the issuer was chosen by us because none was set.
    pub issuer_is_default: bool,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where records are kept.
    pub storage: StorageSetting,
    /// What protects private keys.
    pub keys: KeysSetting,
    /// What tokens are signed with; the first one is the default. One to three, none twice.
    pub signing_algs: Vec<Algorithm>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long after a rotation the former refresh token is still answered; zero: not at all.
    pub refresh_reuse_grace: Duration,
    /// How long a key signs.
    pub key_rotation_period: Duration,
    /// How long a key is published before it signs.
    pub key_publish_lead: Duration,
    /// How long a key stays published after it signed last.
    pub key_retire_after: Duration,
    /// Whether people may sign themselves up.
    pub signup: bool,
    /// Whether requests are counted and limited.
    pub rate_limits: bool,
    /// Where a caller's address is taken from.
    pub client_ip: ClientIp,
    /// Who rotates keys.
    pub rotation: Rotation,
    /// What a front end in our way proves itself with; none or up to two during a change.
    pub origin_secret: Vec<OriginSecret>,
    /// Certificates (PEM) that outbound calls trust besides the usual ones.
    pub outbound_ca: Option<PathBuf>,
    /// Whether outbound calls may go to this machine; for tests.
    pub outbound_allow_loopback: bool,
    /// How logs are written; `None`: text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
}

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageSetting {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// SQLite in memory: gone with the process.
    SqliteMemory,
    /// A DynamoDB table. Region, credentials and endpoint are the surroundings', as for every AWS program.
    DynamoDb(String),
}

/// What protects private keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysSetting {
    /// A master key in a file.
    Local(PathBuf),
}

/// Where a caller's address is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientIp {
    /// The connection.
    Socket,
    /// A header that a front end sets; believed only together with the origin secret.
    Header(http::HeaderName),
}

/// Who rotates keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Any serving process that notices it is time.
    Own,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

/// A secret shared with a front end. Compared in constant time, never shown.
#[derive(Clone)]
pub struct OriginSecret(Box<str>);

impl OriginSecret {
    /// Whether one of them fits. Every one is compared, whichever does.
    pub fn any(secrets: &[Self], fits: impl Fn(&Self) -> bool) -> bool {
        secrets.iter().fold(false, |fit, secret| fit | fits(secret))
    }

    /// Whether a header's value is this secret.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(value).into()
    }

    /// What shows that somebody knows it, and tells nobody what it is.
    pub fn proof(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        base64url::encode(hmac::sign(&key, b"keyward doctor").as_ref())
    }

    /// Whether a header's value is [`Self::proof`].
    pub fn proves(&self, value: &[u8]) -> bool {
        self.proof().as_bytes().ct_eq(value).into()
    }
}

impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginSecret(…)")
    }
}

/// A setting that stops the start. Its text is one line: key, value (a secret's is masked), origin and mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The key, as it would stand in the file.
    pub key: String,
    /// The value as it may be shown; `None` where there is none.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: Origin,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting `{}`", ScreenText(&self.key))?;
        if let Some(value) = &self.value {
            write!(f, " = `{}`", ScreenText(value))?;
        }
        write!(f, " ({}): {}", self.origin, self.mend)
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
