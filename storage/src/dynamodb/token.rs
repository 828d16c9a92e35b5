//! Access tokens: those that are denied, and the grants behind those that may not be.

use super::Table;
use super::fault::Fault;
use super::item::{self, Key, Record, record};
use crate::{Commit, DeniedToken, Stamp, TokenView};
use protocol::grant::GrantKey;
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
        grant: Option<GrantKey>,
    ) -> Result<TokenView, Fault> {
        let denied = Key::denied(&self.realm, token);
        let behind = grant.map(|key| (Key::grant(&self.realm, &key), Key::user(&self.realm, &key.user)));
        let keys = behind.clone().into_iter().flat_map(|(grant, user)| [grant, user]);
        let read = self.get_all(keys.chain([denied.clone()])).await?;
        let denied = read.record::<DeniedToken>(&denied)?.is_some();
        let Some((grant, user)) = behind else { return Ok(TokenView { denied, ..TokenView::default() }) };
        Ok(TokenView { denied, grant: read.record(&grant)?, user: read.record(&user)? })
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
            self.put_new(item).await?.settle(stamp, |there: &DeniedToken| there.expires_at == expires_at)?;
        Ok(commit.map(|there| there.expires_at))
    }
}
