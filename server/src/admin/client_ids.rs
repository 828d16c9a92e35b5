//! What tokens could confuse the id of a client with: this server, a user, or an API.

use super::call::Admin;
use super::error::{AdminError, refused};
use super::metadata::Registration;
use crate::config::Settings;
use keys::entropy;
use protocol::base64url;
use protocol::client::{Client, GrantType, is_resource};
use protocol::id::{ClientId, Subject};

impl Admin {
    /// The id that a registration chose, or a random one. An id that is registered already may stay.
    ///
    /// RFC 9700 §4.15: in the tokens that a client gets for itself its id is the `sub`, so it must not be a user's. The
    /// rule is about the form of a `sub`, of which every new one is, so it needs no read and no two commands can race.
    pub(super) fn id_of(
        &self,
        registration: &Registration,
        settings: &Settings,
        is_registered: bool,
    ) -> Result<ClientId, AdminError> {
        // Longer than a `sub`.
        let random = || base64url::encode(&entropy::bytes::<18>(&*self.entropy));
        let text = registration.client_id.clone().unwrap_or_else(random);
        // Audiences would not tell the two apart.
        if text == settings.issuer.as_str() {
            return Err(refused(format!("`{text}` is the id of this server: choose another one")));
        }
        if Subject::has_form(&text) && !is_registered {
            return Err(refused(format!(
                "`{text}` has the form of a user's `sub` (22 characters of base64url), for which APIs could take it: choose \
                 an id of another length, or let one be made"
            )));
        }
        ClientId::parse(&text).ok_or_else(|| {
            let most = ClientId::MAX_LENGTH;
            refused(format!("an id has 1 to {most} printable ASCII characters (RFC 6749 appendix A.1)"))
        })
    }

    /// Refuses a client if it, or another one, now has a resource that is the id of a client where users sign in.
    ///
    /// Not complete: of two commands at the same moment that each register one half of such a pair, neither sees the other's
    /// half, because they write different records.
    pub(super) async fn check_audiences(
        &self,
        before: Option<&Client>,
        after: &Client,
    ) -> Result<(), AdminError> {
        if !may_share_audience(before, after) {
            return Ok(());
        }
        let all = self.store.clients().await?;
        shared_audience(after, all.iter().filter(|other| other.id != after.id)).map_or(Ok(()), Err)
    }
}

/// Whether a change could make two clients share an audience. Resources are URIs, so most ids are no resource.
pub(super) fn may_share_audience(before: Option<&Client>, after: &Client) -> bool {
    let decisive = |client: &Client| {
        let signs_in = client.may_use(GrantType::AuthorizationCode) && is_resource(client.id.as_str());
        (signs_in, client.audiences.clone(), client.resources.clone())
    };
    let nothing = (false, Vec::new(), Vec::new());
    decisive(after) != before.map_or(nothing, decisive)
}

/// Why this client can't be registered beside the others.
pub(super) fn shared_audience<'a>(
    client: &Client,
    others: impl Iterator<Item = &'a Client>,
) -> Option<AdminError> {
    let pairs = others.flat_map(|other| [(client, other), (other, client)]);
    let mut pairs = [(client, client)].into_iter().chain(pairs);
    pairs.find_map(|(one, other)| {
        let uri = one.shared_audience(other)?;
        Some(refused(format!(
            "the resource `{uri}` of client `{}` is the id of a client where users sign in, which could take access tokens for \
             ID tokens: give the API a URI that is no client's id",
            one.id
        )))
    })
}
