//! Access tokens: the denied ones, and the grants of the others.

use super::fault::Fault;
use super::item::{self, Key, Record, record};
use super::table::Table;
use crate::{Commit, DeniedToken, GrantLocator, GrantView, Stamp, TokenView};
use protocol::secret::Digest;
use protocol::time::Timestamp;

impl Record for DeniedToken {
    const IN_PK: Option<&'static str> = Some("token");

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Table {
    pub(super) async fn load_token(
        &self,
        token: &Digest,
        at: Option<GrantLocator>,
    ) -> Result<TokenView, Fault> {
        let denied = Key::denied(&self.realm, token);
        let behind = at.iter().flat_map(|at| self.keys_of(at));
        let read = self.get_all(behind.chain([denied.clone()])).await?;
        let denied = read.record::<DeniedToken>(&denied)?.is_some();
        let GrantView { grant, user, session } = match &at {
            Some(at) => self.grant_in(&read, at).await?,
            None => GrantView::default(),
        };
        Ok(TokenView { denied, grant, user, session })
    }

    pub(super) async fn denied_tokens(&self) -> Result<Vec<DeniedToken>, Fault> {
        let mut tokens: Vec<DeniedToken> = self.scan("DENY", false, record).await?;
        tokens.sort_by_key(|denied| *denied.token.as_bytes());
        Ok(tokens)
    }

    pub(super) async fn deny_token(
        &self,
        token: &Digest,
        expires_at: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<Timestamp>, Fault> {
        let item = item::encode(
            &Key::denied(&self.realm, token),
            &DeniedToken { token: *token, expires_at },
            stamp,
        )?;
        let commit =
            self.put_new(item).await?.outcome(stamp, |there: &DeniedToken| there.expires_at == expires_at)?;
        Ok(commit.map(|there| there.expires_at))
    }
}
