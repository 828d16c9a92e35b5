//! Our own access tokens, when they are presented to us.

use crate::web::request_info::RequestInfo;
use keys::seal::SealKind;
use keys::{KeysError, Snapshot};
use protocol::base64url;
use protocol::claims::access_token::VerifiedAccessToken;
use protocol::client::Client;
use protocol::client_tokens::AccessTokenTyp;
use protocol::generation::Generation;
use protocol::grant::{DependsOn, Grant, GrantKey};
use protocol::id::{GrantId, SessionId, UserId};
use protocol::jwt::{Compact, Header};
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use protocol::user::User;
use storage::{GrantLocator, TokenView};

/// An access token of ours, by its signature and type (RFC 9068 §4). Whether it has expired, is meant for us, is denied, or
/// is of a grant that has ended, is still to be checked.
pub struct AccessToken {
    /// Its claims.
    pub claims: VerifiedAccessToken,
    /// The grant behind it; `None` for a client's own.
    pub grant: Option<GrantLocator>,
}

impl AccessToken {
    /// Opens a token; `None` for what isn't one of ours.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open(ring: &Snapshot, info: RequestInfo, token: &str) -> Result<Option<Self>, KeysError> {
        // RFC 9068 §5: an ID token is no access token. Those of some clients share its type, and are told apart by the
        // claims that only an access token has (RFC 8725 §3.12).
        let is_typ = |header: &Header| AccessTokenTyp::ALL.iter().any(|typ| header.is_typ(typ.as_str()));
        let ours = Compact::parse(token).filter(|token| is_typ(&token.header) && ring.verify(token, info.at));
        let Some(claims) = ours.and_then(|token| token.claims::<VerifiedAccessToken>()) else {
            return Ok(None);
        };
        let grant = locate(ring, &claims.jti)?;
        Ok(Some(Self { claims, grant }))
    }

    /// The id under which it would be denied.
    pub fn id(&self) -> Digest {
        Digest::of(SecretKind::TokenId, self.claims.jti.as_bytes())
    }

    /// Whether a user's token is alive, by what was loaded for it: not denied, its grant alive, and about the grant's user.
    /// `None`: it is not.
    pub fn of_user<'a>(
        &self,
        view: &'a TokenView,
        client: &Client,
        realm: Generation,
        now: Timestamp,
    ) -> Option<(&'a Grant, &'a User)> {
        let (grant, user) = view.grant.as_ref().zip(view.user.as_ref())?;
        let on = DependsOn { user, session: view.session.as_ref(), client, realm };
        let alive = !view.denied && user.subject.as_str() == self.claims.sub && grant.is_alive(&on, now);
        alive.then_some((grant, user))
    }
}

/// How many random bytes make a `jti` unique. They are the last; a former version put no session before them.
const UNIQUE: usize = 4;

/// What is sealed as the `jti` of a grant's token: what locates the grant, and `random`. At most 110 characters after
/// sealing.
pub fn located(grant: &Grant, random: [u8; UNIQUE]) -> Vec<u8> {
    [grant.user.as_bytes().as_slice(), grant.id.as_bytes(), grant.session.as_bytes(), &random].concat()
}

fn locate(ring: &Snapshot, jti: &str) -> Result<Option<GrantLocator>, KeysError> {
    let Some(sealed) = base64url::decode(jti) else { return Ok(None) };
    Ok(ring.open(SealKind::TokenId, &sealed)?.and_then(|opened| locator(&opened.plaintext)))
}

fn locator(located: &[u8]) -> Option<GrantLocator> {
    let (user, rest) = located.split_first_chunk::<16>()?;
    let (grant, rest) = rest.split_first_chunk::<16>()?;
    let session = if rest.len() > UNIQUE { rest.first_chunk::<16>() } else { None };
    let key = GrantKey { user: UserId::from_bytes(*user), grant: GrantId::from_bytes(*grant) };
    Some(GrantLocator { key, session: session.map(|id| SessionId::from_bytes(*id)) })
}
