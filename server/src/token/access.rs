//! Access tokens that come back to us.

use crate::http::call::Call;
use crate::keys::Snapshot;
use crate::seal::SealKind;
use protocol::Refusal;
use protocol::base64url;
use protocol::claims::access_token::Presented;
use protocol::grant::GrantKey;
use protocol::id::{GrantId, UserId};
use protocol::jwt::Compact;
use protocol::secret::{Digest, SecretKind};

/// An access token of ours by signature and type (RFC 9068 §4). Whether it is over, for us, denied, or of a grant
/// that ended, is asked of what it says.
pub struct AccessToken {
    /// What it says.
    pub claims: Presented,
    /// The grant behind it; `None` for a client's own.
    pub grant: Option<GrantKey>,
}

impl AccessToken {
    /// Opens a token.
    ///
    /// # Errors
    /// [`Refusal::TokenInvalid`].
    pub fn open(ring: &Snapshot, call: Call, token: &str) -> Result<Self, Refusal> {
        let token = Compact::parse(token).ok_or(Refusal::TokenInvalid)?;
        if !token.header.is_typ("at+jwt") || !ring.verify(&token, call.at) {
            return Err(Refusal::TokenInvalid);
        }
        let claims: Presented = token.claims().ok_or(Refusal::TokenInvalid)?;
        let grant = locate(ring, &claims.jti);
        Ok(Self { claims, grant })
    }

    /// By what it is denied.
    pub fn id(&self) -> Digest {
        Digest::of(SecretKind::TokenId, self.claims.jti.as_bytes())
    }
}

fn locate(ring: &Snapshot, jti: &str) -> Option<GrantKey> {
    let opened = ring.seals().open(SealKind::TokenId, &base64url::decode(jti)?)?;
    let (user, rest) = opened.plaintext.split_first_chunk::<16>()?;
    let (grant, _) = rest.split_first_chunk::<16>()?;
    Some(GrantKey { user: UserId::from_bytes(*user), grant: GrantId::from_bytes(*grant) })
}
