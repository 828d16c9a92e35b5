//! How keys fail, and why a change of the ring is refused.

use protocol::jwk::Algorithm;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use storage::StoreError;

/// What the caller can do about a failed signature or unwrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignErrorKind {
    /// Throttled: a retry soon helps.
    Busy,
    /// Unavailable, or no key can sign at this time.
    Unavailable,
    /// What was read can't be parsed, or doesn't match its key.
    Corrupt,
    /// The custody refuses: a key that is disabled, unknown or not permitted, a file that can't be read. It helps only to
    /// correct that.
    Denied,
    /// It belongs to another custody than this.
    Foreign,
}

impl SignErrorKind {
    /// Whether it may pass without anybody doing anything.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

/// A failure to sign, to make or to unwrap a key: 503 or 500, never a refusal.
#[derive(Clone, Debug)]
pub struct SignError {
    kind: SignErrorKind,
    step: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SignError {
    /// A failure of `step` with its cause.
    pub fn new(
        kind: SignErrorKind,
        step: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, step, source: Some(source.into().into()) }
    }

    /// A failure of `step` without another cause.
    pub const fn bare(kind: SignErrorKind, step: &'static str) -> Self {
        Self { kind, step, source: None }
    }

    /// The same error of `what`, which its message then names.
    pub(crate) fn about(self, what: impl fmt::Display) -> Self {
        let cause = self.source.map(|source| format!(": {source}")).unwrap_or_default();
        Self::new(self.kind, self.step, format!("{what}{cause}"))
    }

    /// What the caller can do about it.
    pub const fn kind(&self) -> SignErrorKind {
        self.kind
    }

    /// Whether another custody may know what this one doesn't.
    pub(super) fn is_foreign(&self) -> bool {
        self.kind == SignErrorKind::Foreign
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SignErrorKind::Busy => "busy",
            SignErrorKind::Unavailable => "unavailable",
            SignErrorKind::Corrupt => "corrupt",
            SignErrorKind::Denied => "denied",
            SignErrorKind::Foreign => "of another custody",
        };
        write!(f, "keys {kind}: {}", self.step)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// Why a change of the ring is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingRefusal {
    /// The successor has not been published long enough for every verifier to know it.
    TooYoung {
        /// Its algorithm.
        alg: Algorithm,
        /// How many seconds to wait.
        wait_seconds: u64,
    },
    /// A tenth published key.
    TooManyKeys,
    /// A fourth algorithm, or none.
    BadAlgorithms,
    /// More sealing masters than are kept.
    TooManyMasters,
    /// No key has this id.
    UnknownKey,
    /// Others kept changing the ring.
    Contended,
    /// This process may use keys but not make them.
    MayNotGenerate,
    /// The keys are being moved to this wrapping key.
    Moving(String),
    /// The setting `keys` names another custody than the ring's.
    OtherCustody {
        /// The ring's.
        ring: String,
        /// The setting, and what it leads to.
        setting: String,
    },
    /// Another process makes keys, or was ended while it did.
    Claimed {
        /// How many seconds ago it began.
        seconds: u64,
    },
    /// The new master key file is the one in use, or one that was replaced before.
    OldMasterFile,
}

impl fmt::Display for RingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooYoung { alg, wait_seconds } => write!(
                f,
                "the next {alg} key was published too recently: APIs that cache /jwks don't know it yet; wait \
                 {wait_seconds} s, or use --force and accept that they refuse new tokens until then"
            ),
            Self::TooManyKeys => f.write_str(
                "nine keys are published already, which is the most some gateways read; wait until a retiring \
                 one is removed, or revoke one (`keyward keys list`)",
            ),
            Self::TooManyMasters => {
                f.write_str("there are as many sealing masters as are kept; wait until the oldest is removed")
            }
            Self::BadAlgorithms => f.write_str("signing_algs must name one to three algorithms"),
            Self::UnknownKey => f.write_str("no key has this id; `keyward keys list` shows them"),
            Self::Contended => f.write_str("other processes keep changing the keys; try again"),
            Self::OldMasterFile => f.write_str(
                "--new-master names the master key file in use, or one that was replaced before; name a file that doesn't exist, \
                 and it is created",
            ),
            Self::Moving(to) => write!(
                f,
                "the keys are being moved to {to}: finish that first, or give it up (`keyward keys move --to` with the new \
                 or with the former value of `keys`)"
            ),
            Self::OtherCustody { ring, setting } => write!(
                f,
                "the keys are with {ring}, but `keys` is {setting}: nothing was made. Set `keys` to the former (an alias must \
                 lead to it), or move the keys with `keyward keys move --to`"
            ),
            Self::Claimed { seconds } => write!(
                f,
                "another process began to make keys {seconds} s ago: run the command again when it has ended. If it was \
                 killed, wait for five minutes; `keys revoke` and `keys rotate --now --force` need not wait"
            ),
            Self::MayNotGenerate => {
                f.write_str("this process may not make keys; the rotation function does (setting `rotation`)")
            }
        }
    }
}

/// Why the ring can't be used or changed.
#[derive(Debug)]
pub enum KeysError {
    /// Storage failed.
    Store(StoreError),
    /// Making, unwrapping or using a key failed.
    Sign(SignError),
    /// There is no ring, and this process is not to make one.
    NoRing,
    /// There is a ring, but its master key file is missing.
    MissingMasterKey(PathBuf),
    /// The keys are in KMS, and the setting names a master key file.
    InKms {
        /// Where they are, as a value of the setting `keys`.
        ring: String,
        /// The file.
        file: PathBuf,
    },
    /// The ring can't be parsed.
    Corrupt(&'static str),
    /// The ring was written by a newer version of this program.
    Newer,
    /// The ring was read, but can't be unwrapped for now.
    Locked(SignError),
    /// The ring that was read last is too old or out of date, and it could not be read just now.
    Stale,
    /// We said no.
    Refused(RingRefusal),
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Sign(error) | Self::Locked(error) => error.fmt(f),
            Self::NoRing => f.write_str(
                "there are no keys yet: run `keyward keys rotate --if-due` to make them (a server that rotates them itself does so \
                 when it starts)",
            ),
            Self::MissingMasterKey(path) => write!(
                f,
                "the master key file {} is missing, but keys that it wraps exist; restore the file from its backup \
                 (a new one can't unwrap them)",
                path.display()
            ),
            Self::InKms { ring, file } => {
                write!(f, "the keys are with {ring}, but `keys` is local:{}: set it to the former", file.display())
            }
            Self::Corrupt(what) => write!(f, "the key ring can't be read: {what}"),
            Self::Newer => {
                f.write_str("the key ring can't be read: it was written by a newer version of this program")
            }
            Self::Stale => f.write_str("the key ring is out of date and could not be read just now"),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl Error for KeysError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Sign(error) | Self::Locked(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for KeysError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SignError> for KeysError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

impl From<RingRefusal> for KeysError {
    fn from(refusal: RingRefusal) -> Self {
        Self::Refused(refusal)
    }
}
