//! Clients: registering, changing, disabling, deleting.

use super::call::Admin;
use super::error::AdminError;
use super::metadata::{ApplicationType, Registration};
use super::registration::{digest_of, read_settings, secret_of, tokens_of};
use crate::config::Settings;
use keys::entropy;
use protocol::armor;
use protocol::client::{AuthMethod, Client, ClientSecret, check_chosen_secret};
use protocol::event::{Event, What};
use protocol::id::ClientId;
use std::time::Duration;
use storage::{Commit, Stamp};

/// How often a change is tried while others change the same client.
const ATTEMPTS: usize = 5;

/// A client that was just created or got a new secret, which is shown now and never again.
pub struct Created {
    /// The record.
    pub client: Client,
    /// The secret, if it is new.
    pub secret: Option<String>,
}

/// A new client secret: 256 random bits, in the form that secret scanners recognise.
pub fn new_secret(admin: &Admin) -> String {
    armor::wrap(armor::CLIENT_SECRET, &entropy::bytes::<32>(&*admin.entropy))
}

impl Admin {
    /// Registers a client with a server of these settings.
    ///
    /// # Errors
    /// [`AdminError::Refused`] for metadata that is invalid as a whole, [`AdminError::ClientExists`],
    /// [`AdminError::Store`].
    pub async fn create_client(
        &self,
        registration: &Registration,
        settings: &Settings,
    ) -> Result<Created, AdminError> {
        self.create_client_with(registration, settings, None).await
    }

    /// The same, with a secret that the operator chose.
    ///
    /// # Errors
    /// Those of [`Self::create_client`], and [`AdminError::Client`] for a secret that could be guessed or of a client that
    /// has none.
    pub async fn create_client_with(
        &self,
        registration: &Registration,
        settings: &Settings,
        chosen: Option<&str>,
    ) -> Result<Created, AdminError> {
        let confidential = registration.token_endpoint_auth_method.is_none_or(AuthMethod::is_confidential);
        chosen.map_or(Ok(()), check_chosen_secret)?;
        let secret = (confidential && chosen.is_none()).then(|| new_secret(self));
        let client = self.client_of(registration, settings, secret.as_deref().or(chosen), None)?;
        self.check_audiences(None, &client).await?;
        match self.store.create_client(&client, self.call).await? {
            Commit::Done => {
                self.audit(&event(What::ClientCreated, &client).changing(None::<&Client>, Some(&client)));
                Ok(Created { client, secret })
            }
            Commit::Lost(_) => Err(AdminError::ClientExists(client.id)),
        }
    }

    /// A client by its id.
    ///
    /// # Errors
    /// [`AdminError::NoClient`], [`AdminError::Store`].
    pub async fn client(&self, id: &str) -> Result<Client, AdminError> {
        let found = match ClientId::parse(id) {
            Some(id) => self.store.client(&id).await?,
            None => None,
        };
        found.ok_or_else(|| AdminError::NoClient(id.to_owned()))
    }

    /// Disables a client, which ends its grants permanently, or enables it again.
    ///
    /// # Errors
    /// Those of [`Self::change_client`].
    pub async fn set_client_disabled(&self, id: &str, disabled: bool) -> Result<Client, AdminError> {
        self.change_client(id, |client, stamp| {
            client.disabled = disabled;
            if disabled {
                client.generation = client.generation.next(stamp.request, stamp.at);
            }
            Ok(())
        })
        .await
    }

    /// Changes a client's record, which is checked as a whole. Repeats that if others changed it in between.
    ///
    /// # Errors
    /// [`AdminError::NoClient`]; [`AdminError::Refused`] if the changed record is invalid; [`AdminError::Contended`];
    /// [`AdminError::Store`].
    pub async fn change_client(
        &self,
        id: &str,
        change: impl Fn(&mut Client, Stamp) -> Result<(), AdminError>,
    ) -> Result<Client, AdminError> {
        for _ in 0..ATTEMPTS {
            let seen = self.client(id).await?;
            let mut client = seen.clone();
            change(&mut client, self.call)?;
            client.revision = client.revision.saturating_add(1);
            let problems = client.problems(Some(&seen)).into_iter().map(AdminError::Client);
            AdminError::of(problems.collect()).map_or(Ok(()), Err)?;
            self.check_audiences(Some(&seen), &client).await?;
            match self.store.replace_client(&client, self.call).await? {
                Commit::Done => {
                    self.audit(&event(What::ClientChanged, &client).changing(Some(&seen), Some(&client)));
                    return Ok(client);
                }
                Commit::Lost(None) => return Err(AdminError::NoClient(id.to_owned())),
                Commit::Lost(Some(_)) => {}
            }
        }
        Err(AdminError::Contended(id.to_owned()))
    }

    /// Changes what a registration names and leaves the rest. A list replaces the whole list; one empty value clears it. A
    /// client that now authenticates by a secret gets one; a client that no longer does loses its secrets.
    ///
    /// # Errors
    /// Those of [`Self::change_client`].
    pub async fn update_client(
        &self,
        id: &str,
        registration: &Registration,
        settings: &Settings,
    ) -> Result<Created, AdminError> {
        let (signing_alg, scope) = read_settings(registration, settings)?;
        let fresh = new_secret(self);
        let client = self
            .change_client(id, |client, stamp| {
                let unknown = self.unknown_claims(registration, &client.tokens);
                AdminError::of(unknown).map_or(Ok(()), Err)?;
                replace(&mut client.redirect_uris, &registration.redirect_uris);
                replace(&mut client.post_logout_redirect_uris, &registration.post_logout_redirect_uris);
                replace(&mut client.origins, &registration.origins);
                replace(&mut client.audiences, &registration.audiences);
                replace(&mut client.resources, &registration.resources);
                client.name = registration.client_name.clone().unwrap_or_else(|| client.name.clone());
                client.grant_types =
                    registration.grant_types.clone().unwrap_or_else(|| client.grant_types.clone());
                client.scope = scope.clone().unwrap_or_else(|| client.scope.clone());
                client.signing_alg = signing_alg.or(client.signing_alg);
                client.pkce_required = registration.pkce_required.unwrap_or(client.pkce_required);
                client.first_party = registration.first_party.unwrap_or(client.first_party);
                client.native = registration
                    .application_type
                    .map_or(client.native, |kind| kind == ApplicationType::Native);
                client.dotless_schemes = registration.dotless_schemes.unwrap_or(client.dotless_schemes);
                if let Some(uri) = &registration.client_uri {
                    client.start_url = Some(uri.clone()).filter(|uri| !uri.is_empty());
                }
                client.tokens = tokens_of(registration, std::mem::take(&mut client.tokens));
                client.auth_method = registration.token_endpoint_auth_method.unwrap_or(client.auth_method);
                match (client.is_confidential(), client.secrets.is_empty()) {
                    (true, true) => client.secrets = vec![secret_of(&fresh, stamp.at)],
                    (false, false) => client.secrets.clear(),
                    _ => {}
                }
                Ok(())
            })
            .await?;
        let is_new = client.secrets.iter().any(|secret| secret.digest == digest_of(&fresh));
        Ok(Created { client, secret: is_new.then_some(fresh) })
    }

    /// Gives a client a new secret; its old one continues to work for `overlap`.
    ///
    /// # Errors
    /// [`AdminError::Refused`] for a public client, and those of [`Self::change_client`].
    pub async fn rotate_secret(&self, id: &str, overlap: Duration) -> Result<Created, AdminError> {
        self.rotate_secret_to(id, overlap, None).await
    }

    /// The same, to a secret that the operator chose.
    ///
    /// # Errors
    /// Those of [`Self::rotate_secret`], and [`AdminError::Client`] for a secret that could be guessed.
    pub async fn rotate_secret_to(
        &self,
        id: &str,
        overlap: Duration,
        chosen: Option<&str>,
    ) -> Result<Created, AdminError> {
        chosen.map_or(Ok(()), check_chosen_secret)?;
        let fresh = chosen.map_or_else(|| new_secret(self), str::to_owned);
        let client = self
            .change_client(id, |client, stamp| {
                if !client.is_confidential() {
                    let why = format!("`{id}` is a public client: it has no secret to rotate");
                    return Err(AdminError::Refused(why));
                }
                let ends = stamp.at.plus(overlap);
                // At most two: the newest, which is the last of the list, continues for a while; older ones are removed.
                let newest = client.secrets.pop();
                let old = newest.filter(|_| !overlap.is_zero()).map(|secret| ClientSecret {
                    expires_at: Some(secret.expires_at.map_or(ends, |at| at.min(ends))),
                    ..secret
                });
                client.secrets = old.into_iter().chain([secret_of(&fresh, stamp.at)]).collect();
                Ok(())
            })
            .await?;
        Ok(Created { client, secret: chosen.is_none().then_some(fresh) })
    }

    /// Deletes a client, which ends its grants.
    ///
    /// # Errors
    /// [`AdminError::NoClient`], [`AdminError::Contended`], [`AdminError::Store`].
    pub async fn delete_client(&self, id: &str) -> Result<Client, AdminError> {
        for _ in 0..ATTEMPTS {
            let client = self.client(id).await?;
            if self.delete_seen_client(&client).await? {
                return Ok(client);
            }
        }
        Err(AdminError::Contended(id.to_owned()))
    }

    /// Deletes this revision of a client; `false`: there is another one.
    pub(super) async fn delete_seen_client(&self, client: &Client) -> Result<bool, AdminError> {
        if let Commit::Lost(Some(_)) = self.store.delete_client(client, self.call).await? {
            return Ok(false);
        }
        // Done, or it is gone already: deleted by an attempt whose answer got lost, or by others.
        self.audit(&event(What::ClientDeleted, client).changing(Some(client), None::<&Client>));
        Ok(true)
    }
}

pub(super) fn event(what: What, client: &Client) -> Event {
    Event::new(what).client(&client.id)
}

fn replace(list: &mut Vec<String>, with: &[String]) {
    if !with.is_empty() {
        *list = with.iter().filter(|item| !item.is_empty()).cloned().collect();
    }
}
