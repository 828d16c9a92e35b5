//! Codes and refresh tokens as text. They are sealed, so that only we can read which grant they belong to, and their secret
//! is inside the seal, so that parts can't be combined. Garbage is refused before any record is read.

use keys::entropy::Entropy;
use keys::seal::{Opened, Purpose, SealKind};
use keys::{KeysError, Snapshot};
use protocol::armor;
use protocol::grant::{Grant, GrantKey};
use protocol::id::{GrantId, SessionId, UserId};
use protocol::secret::{Digest, Secret, SecretKind};
use storage::GrantLocator;
use zeroize::Zeroizing;

/// An authorization code, opened.
pub struct Code {
    /// Its grant.
    pub grant: GrantLocator,
    /// The digest of its secret.
    pub digest: Digest,
}

impl Code {
    /// Opens a code; `None` for what isn't one of ours.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open(text: &str, ring: &Snapshot) -> Result<Option<Self>, KeysError> {
        let Some(sealed) = armor::unwrap(armor::CODE, text) else { return Ok(None) };
        Ok(ring.open(SealKind::Code, &sealed)?.and_then(|opened| Self::parse(&opened)))
    }

    fn parse(opened: &Opened) -> Option<Self> {
        let (key, rest) = split(&opened.plaintext)?;
        let (session, secret) = match rest.len() {
            // A code of a former version doesn't name the session.
            32 => (None, rest),
            _ => rest.split_first_chunk::<16>().map(|(id, rest)| (Some(SessionId::from_bytes(*id)), rest))?,
        };
        let digest = secret_of(secret)?.digest(SecretKind::Code);
        Some(Self { grant: GrantLocator { key, session }, digest })
    }

    /// The text of a code; `None` if the master is gone.
    pub fn seal(
        grant: &Grant,
        secret: &Secret,
        master: u16,
        ring: &Snapshot,
        entropy: &dyn Entropy,
    ) -> Option<String> {
        let text = join(grant.key(), grant.session.as_bytes(), secret);
        Some(armor::wrap(armor::CODE, &ring.seals().seal_with(master, SealKind::Code, &text, entropy)?))
    }
}

/// A refresh token, opened.
pub struct RefreshToken {
    /// Its grant.
    pub grant: GrantKey,
    /// How often it was rotated.
    pub generation: u32,
    /// Its secret.
    pub secret: Secret,
    /// The master of its chain.
    pub master: u16,
}

impl RefreshToken {
    /// Opens a token; `None` for what isn't one of ours.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open(text: &str, ring: &Snapshot) -> Result<Option<Self>, KeysError> {
        let Some(sealed) = armor::unwrap(armor::REFRESH_TOKEN, text) else { return Ok(None) };
        Ok(ring.open(SealKind::RefreshToken, &sealed)?.and_then(|opened| Self::parse(&opened)))
    }

    fn parse(opened: &Opened) -> Option<Self> {
        let (grant, rest) = split(&opened.plaintext)?;
        let (generation, secret) = rest.split_first_chunk::<4>()?;
        let generation = u32::from_be_bytes(*generation);
        Some(Self { grant, generation, secret: secret_of(secret)?, master: opened.master })
    }

    /// Its text. Equal tokens have equal texts, so a repeated answer repeats the token. `None` if the master is gone.
    pub fn seal(&self, ring: &Snapshot, entropy: &dyn Entropy) -> Option<String> {
        let text = join(self.grant, &self.generation.to_be_bytes(), &self.secret);
        let sealed = ring.seals().seal_with(self.master, SealKind::RefreshToken, &text, entropy)?;
        Some(armor::wrap(armor::REFRESH_TOKEN, &sealed))
    }

    /// Its successor, derived by the ratchet; `None` if the master is gone.
    pub fn successor(&self, ring: &Snapshot) -> Option<Self> {
        let parts = [self.grant.grant.as_bytes().as_slice(), self.secret.expose()];
        let secret = Secret::from_bytes(ring.seals().derive(self.master, Purpose::Ratchet, &parts)?);
        Some(Self { generation: self.generation.checked_add(1)?, secret, ..*self })
    }

    /// What locates its grant. A grant with a refresh token doesn't need its session.
    pub const fn locator(&self) -> GrantLocator {
        GrantLocator { key: self.grant, session: None }
    }

    /// Its digest, as it is stored.
    pub fn digest(&self) -> Digest {
        self.secret.digest(SecretKind::RefreshToken)
    }
}

fn join(grant: GrantKey, middle: &[u8], secret: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(
        [grant.user.as_bytes().as_slice(), grant.grant.as_bytes(), middle, secret.expose()].concat(),
    )
}

fn split(text: &[u8]) -> Option<(GrantKey, &[u8])> {
    let (user, rest) = text.split_first_chunk::<16>()?;
    let (grant, rest) = rest.split_first_chunk::<16>()?;
    Some((GrantKey { user: UserId::from_bytes(*user), grant: GrantId::from_bytes(*grant) }, rest))
}

fn secret_of(bytes: &[u8]) -> Option<Secret> {
    Some(Secret::from_bytes(<[u8; 32]>::try_from(bytes).ok()?))
}
