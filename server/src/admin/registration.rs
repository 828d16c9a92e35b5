//! From client metadata to the record of a client, with everything that is wrong with it.

use super::call::Admin;
use super::error::{AdminError, refused};
use super::metadata::{ApplicationType, Registration, Ttl};
use crate::config::{Settings, show_duration};
use crate::near::did_you_mean;
use protocol::claims::custom;
use protocol::client::{AuthMethod, Client, ClientSecret, GrantType};
use protocol::client_tokens::ClientTokens;
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::jwk::Algorithm;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use std::time::Duration;
use storage::Stamp;

/// The default scope of a client with a redirect URI.
const DEFAULT_SCOPE: &str = "openid profile email offline_access";

impl Admin {
    /// The record of a registration, checked as a whole; `before` is what is registered already.
    ///
    /// # Errors
    /// Everything that is wrong: [`AdminError::Refused`], [`AdminError::Client`], or [`AdminError::Several`].
    pub fn client_of(
        &self,
        registration: &Registration,
        settings: &Settings,
        secret: Option<&str>,
        before: Option<&Client>,
    ) -> Result<Client, AdminError> {
        let Stamp { at: now, request } = self.call;
        let none = ClientTokens::default();
        let mut problems = self.unknown_claims(registration, before.map_or(&none, |before| &before.tokens));
        let (signing_alg, scope) =
            noted(read_settings(registration, settings), &mut problems).unwrap_or_default();
        let id = noted(self.id_of(registration, settings, before.is_some()), &mut problems);
        let for_people = !registration.redirect_uris.is_empty();
        let grants = match for_people {
            true => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            false => vec![GrantType::ClientCredentials],
        };
        let default_scope = || if for_people { DEFAULT_SCOPE.split(' ').collect() } else { Scope::default() };
        let client = Client {
            // Without an id, only what else is wrong is looked for.
            id: id.unwrap_or_else(ClientId::account),
            name: registration.client_name.clone().unwrap_or_default(),
            auth_method: registration.token_endpoint_auth_method.unwrap_or(AuthMethod::ClientSecretBasic),
            secrets: secret.map(|text| secret_of(text, now)).into_iter().collect(),
            redirect_uris: registration.redirect_uris.clone(),
            post_logout_redirect_uris: registration.post_logout_redirect_uris.clone(),
            origins: registration.origins.clone(),
            grant_types: registration.grant_types.clone().unwrap_or(grants),
            scope: scope.unwrap_or_else(default_scope),
            audiences: registration.audiences.clone(),
            resources: registration.resources.clone(),
            signing_alg,
            pkce_required: registration.pkce_required.unwrap_or(true),
            first_party: registration.first_party.unwrap_or(false),
            native: registration.application_type == Some(ApplicationType::Native),
            dotless_schemes: registration.dotless_schemes.unwrap_or(false),
            start_url: registration.client_uri.clone().filter(|uri| !uri.is_empty()),
            tokens: tokens_of(registration, none),
            declared: false,
            disabled: false,
            // A client with this id may have been deleted before: its grants are not this one's.
            generation: Generation { not_before: now, ..Generation::first(request) },
            created_at: now,
            revision: 1,
        };
        problems.extend(client.problems(before).into_iter().map(AdminError::Client));
        AdminError::of(problems).map_or(Ok(client), Err)
    }

    /// Refuses names of claims that no user can have, except those that the client has already: no token would contain
    /// them. What the protocols reserve is refused with the rest of the record.
    pub(super) fn unknown_claims(&self, registration: &Registration, was: &ClientTokens) -> Vec<AdminError> {
        let new = |named: &Option<Vec<String>>, was: &[String]| {
            let named = named.iter().flatten().filter(|name| !was.contains(name));
            named.cloned().collect::<Vec<_>>()
        };
        let named = new(&registration.id_token_claims, &was.id_token_claims);
        let named = named.into_iter().chain(new(&registration.access_token_claims, &was.access_token_claims));
        let unknown = named.filter(|name| !self.claims.is_known(name) && custom::check_name(name).is_ok());
        unknown.map(|name| {
            let guess = did_you_mean(&name, self.claims.names());
            refused(format!(
                "`{name}` is no claim that users can have: name a standard claim, one by an https URI, or one that the setting \
                 `claims` declares{guess}"
            ))
        })
        .collect()
    }
}

pub(super) fn digest_of(secret: &str) -> Digest {
    Digest::of(SecretKind::ClientSecret, secret.as_bytes())
}

pub(super) fn secret_of(text: &str, now: Timestamp) -> ClientSecret {
    ClientSecret { digest: digest_of(text), created_at: now, expires_at: None }
}

/// Notes what is wrong, and goes on without it.
fn noted<T>(read: Result<T, AdminError>, problems: &mut Vec<AdminError>) -> Option<T> {
    read.map_err(|why| problems.extend(why.into_each())).ok()
}

/// What depends on the server's settings: the algorithm and the scope, if the registration names them.
pub(super) fn read_settings(
    registration: &Registration,
    settings: &Settings,
) -> Result<(Option<Algorithm>, Option<Scope>), AdminError> {
    let mut problems = check_lifetimes(registration, settings);
    let alg = noted(signing_alg(registration, &settings.signing_algs), &mut problems).flatten();
    let scope = registration.scope.as_deref().and_then(|text| noted(scope_of(text), &mut problems));
    AdminError::of(problems).map_or(Ok((alg, scope)), Err)
}

/// Refuses lifetimes that this server's settings would shorten at each issue.
fn check_lifetimes(registration: &Registration, settings: &Settings) -> Vec<AdminError> {
    let absolute = settings.lifetimes.refresh_token_absolute;
    let half = "half of the setting key_retire_after, so that the key that verifies a token outlives it";
    let lifetimes = [
        ("access_token_ttl", registration.access_token_ttl, settings.longest_access_token(), half),
        (
            "refresh_token_idle_ttl",
            registration.refresh_token_idle_ttl,
            absolute,
            "the setting refresh_token_absolute_ttl",
        ),
    ];
    let is_long =
        |ttl: Option<Ttl>, most| ttl.and_then(Ttl::own).is_some_and(|own| Duration::from(own) > most);
    let long = lifetimes.into_iter().filter(|(_, ttl, most, _)| is_long(*ttl, *most));
    let refuse = |(name, _, most, what)| {
        let most = show_duration(most);
        refused(format!("{name} is at most {most} on this server, {what}: choose a shorter lifetime"))
    };
    long.map(refuse).collect()
}

/// What a registration names, and the rest as it was.
pub(super) fn tokens_of(registration: &Registration, was: ClientTokens) -> ClientTokens {
    let names = |given: &Option<Vec<String>>, was| given.clone().unwrap_or(was);
    ClientTokens {
        access_token_ttl: registration.access_token_ttl.map_or(was.access_token_ttl, Ttl::own),
        refresh_token_idle_ttl: registration
            .refresh_token_idle_ttl
            .map_or(was.refresh_token_idle_ttl, Ttl::own),
        token_typ: registration.token_typ.unwrap_or(was.token_typ),
        id_token_claims: names(&registration.id_token_claims, was.id_token_claims),
        access_token_claims: names(&registration.access_token_claims, was.access_token_claims),
        claims: registration.claims.clone().unwrap_or(was.claims),
    }
}

fn scope_of(text: &str) -> Result<Scope, AdminError> {
    Scope::parse(text).map_err(|_| {
        refused(format!("`{text}` is not a scope: separate names by single spaces, at most 512 bytes in all"))
    })
}

fn signing_alg(registration: &Registration, algs: &[Algorithm]) -> Result<Option<Algorithm>, AdminError> {
    match registration.id_token_signed_response_alg {
        Some(alg) if !algs.contains(&alg) => {
            let names: Vec<&str> = algs.iter().map(|alg| alg.as_str()).collect();
            Err(refused(format!(
                "this server does not sign with {alg}: choose one of {}, or add it to the setting signing_algs",
                names.join(", ")
            )))
        }
        alg => Ok(alg),
    }
}
