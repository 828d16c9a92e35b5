//! The settings in force.

use super::store::StorageSetting;
use aws_lc_rs::hmac;
use keys::kms::Mode;
use protocol::base64url;
use protocol::claims::Catalog;
use protocol::client::Client;
use protocol::client_tokens::MAX_ACCESS_TOKEN_TTL;
use protocol::issuer::Issuer;
use protocol::jwk::Algorithm;
use protocol::lifetimes::Lifetimes;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// All settings, checked as a whole.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer identifier (RFC 8414 §2); never taken from a request.
    pub issuer: Issuer,
    /// Whether the issuer is the default because none was set.
    pub issuer_is_default: bool,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Where records are kept.
    pub storage: StorageSetting,
    /// What protects private keys.
    pub keys: KeysSetting,
    /// The algorithms that sign tokens: one to three, none twice. The first is the default.
    pub signing_algs: Vec<Algorithm>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long after a rotation the former refresh token still gets the same answer; zero: not at all.
    pub refresh_reuse_grace: Duration,
    /// How long a key signs.
    pub key_rotation_period: Duration,
    /// How long a key is published before it signs.
    pub key_publish_lead: Duration,
    /// How long a key stays published after it stopped signing.
    pub key_retire_after: Duration,
    /// Whether users may sign up.
    pub signup: bool,
    /// Whether attempts are counted and limited.
    pub rate_limits: bool,
    /// Where a caller's address is taken from.
    pub client_ip: ClientIp,
    /// The most signatures that a process asks KMS for in a second, with keys that stay in KMS.
    pub signatures_per_second: u32,
    /// What rotates the keys.
    pub rotation: RotatedBy,
    /// The secrets by which a front end is recognised: none, one, or two while one replaces the other.
    pub origin_secret: Vec<OriginSecret>,
    /// How long a connection is kept without a request.
    pub idle_timeout: Duration,
    /// The time for a handshake, and for a request's head.
    pub header_timeout: Duration,
    /// A PEM file of certificates that outbound calls trust besides the system's.
    pub outbound_ca: Option<PathBuf>,
    /// Whether outbound calls may go to this machine; for tests.
    pub outbound_allow_loopback: bool,
    /// Where metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// URIs for reports of vulnerabilities; none, if and only if there is no `security_expires`.
    pub security_contact: Vec<String>,
    /// Until when they can be relied on.
    pub security_expires: Option<jiff::Timestamp>,
    /// The claims that there are about users.
    pub claims: Arc<Catalog>,
    /// The format of the log; `None`: text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
}

impl Settings {
    /// The longest lifetime of an access token that a client may choose. A retired key may sign for half of its
    /// retirement, and has to verify what it signed for the other half.
    pub fn longest_access_token(&self) -> Duration {
        Duration::from(MAX_ACCESS_TOKEN_TTL).min(self.key_retire_after / 2)
    }

    /// How long a client's tokens live.
    pub fn lifetimes_of(&self, client: &Client) -> Lifetimes {
        self.lifetimes.of_client(&client.tokens, self.longest_access_token())
    }
}

/// What protects private keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysSetting {
    /// A master key file.
    Local(PathBuf),
    /// A KMS key, which wraps them or wraps what goes with keys that stay in KMS.
    Kms(Mode, String),
}

impl KeysSetting {
    /// Reads the value of the setting.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("local", path)) if !path.is_empty() => Ok(Self::Local(path.into())),
            Some(("kms-envelope", key)) if !key.is_empty() => Ok(Self::Kms(Mode::Envelope, key.to_owned())),
            Some(("kms-sign", key)) if !key.is_empty() => Ok(Self::Kms(Mode::Sign, key.to_owned())),
            _ => Err(
                "write local:PATH, kms-envelope:KEY or kms-sign:KEY, where KEY is the id, ARN or alias of a \
                      symmetric KMS key, such as alias/keyward"
                    .into(),
            ),
        }
    }
}

impl fmt::Display for KeysSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "local:{}", path.display()),
            Self::Kms(Mode::Envelope, key) => write!(f, "kms-envelope:{key}"),
            Self::Kms(Mode::Sign, key) => write!(f, "kms-sign:{key}"),
        }
    }
}

/// Where a caller's address is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientIp {
    /// The peer address of the connection.
    Socket,
    /// The source address in the event of an AWS Lambda function.
    Lambda,
    /// A header that a front end sets; trusted only together with the origin secret.
    Header(http::HeaderName),
}

/// What rotates the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotatedBy {
    /// The server: whichever process first notices that a rotation is due.
    Server,
    /// `keyward keys rotate --if-due`, run by a schedule. Servers need no permission to make keys.
    Schedule,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines to read on a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

/// A secret shared with a front end. It is compared in constant time and never shown.
#[derive(Clone)]
pub struct OriginSecret(pub(super) Box<str>);

impl OriginSecret {
    /// Whether one of them matches. All are compared, so that the time tells nothing.
    pub fn any(secrets: &[Self], matches: impl Fn(&Self) -> bool) -> bool {
        secrets.iter().fold(false, |found, secret| found | matches(secret))
    }

    /// Whether a header's value is this secret.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(value).into()
    }

    /// A value that proves knowledge of the secret without revealing it.
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
