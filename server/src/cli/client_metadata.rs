//! The flags of `keyward client create` and `update` that are client metadata, and the file that has such metadata.

use super::input::read_claims;
use super::output::{Failed, note};
use crate::admin::members;
use crate::admin::metadata::{NAMES, Registration, Ttl};
use crate::near::did_you_mean;
use clap::Args;
use protocol::client::{AuthMethod, GrantType};
use protocol::client_tokens::AccessTokenTyp;
use protocol::jwk::Algorithm;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The metadata that `create` and `update` take.
#[derive(Debug, Args)]
pub(super) struct Metadata {
    /// Redirect URI, compared byte for byte; repeat for several
    #[arg(long, group = "change", value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where the browser may go after logout; repeat for several
    #[arg(long, group = "change", value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Origin of its browser code, in addition to those of the redirect URIs; repeat for several
    #[arg(long, group = "change")]
    origin: Vec<String>,
    /// Grant type; by default `authorization_code` and `refresh_token` with a redirect URI, else `client_credentials`;
    /// repeat for several
    #[arg(long, group = "change", value_name = "GRANT", value_parser = grant_type)]
    grant: Vec<GrantType>,
    /// Authentication method: none, client_secret_basic (the default) or client_secret_post
    #[arg(long, group = "change", value_name = "METHOD", value_parser = auth_method)]
    auth_method: Option<AuthMethod>,
    /// The scopes it may request; by default `openid profile email offline_access` with a redirect URI, else none
    #[arg(long, group = "change", value_name = "\"A B\"")]
    scope: Option<String>,
    /// Resource for which it may request tokens; the first is its default; repeat for several
    #[arg(long, group = "change", value_name = "URI")]
    audience: Vec<String>,
    /// Resource that it serves: tokens may name it, and the client may introspect them; repeat for several
    #[arg(long, group = "change", value_name = "URI")]
    resource: Vec<String>,
    /// Algorithm of its ID and access tokens; by default the server's first
    #[arg(long, group = "change", value_name = "ALG", value_parser = algorithm)]
    signing_alg: Option<Algorithm>,
    /// Page where users begin to use the application, to which the server's pages link; one empty value clears it
    #[arg(long, group = "change", value_name = "URL")]
    start_url: Option<String>,
    /// Lifetime of its access tokens, such as `15m`; `default` is the server's
    #[arg(long, group = "change", value_name = "DURATION", value_parser = Ttl::parse)]
    access_token_ttl: Option<Ttl>,
    /// How long an unused refresh token remains valid, such as `7d`; `default` is the server's
    #[arg(long, group = "change", value_name = "DURATION", value_parser = Ttl::parse)]
    refresh_token_idle_ttl: Option<Ttl>,
    /// Type in the header of its access tokens: at+jwt (the default), or JWT for resource servers that refuse RFC 9068
    #[arg(long, group = "change", value_name = "TYPE", value_parser = token_typ)]
    token_typ: Option<AccessTokenTyp>,
    /// Claims about the user that its ID tokens contain; one empty value clears them
    #[arg(long, group = "change", value_name = "\"A B\"")]
    id_token_claims: Option<String>,
    /// Claims about the user that its access tokens contain; one empty value clears them
    #[arg(long, group = "change", value_name = "\"A B\"")]
    access_token_claims: Option<String>,
    /// Read claims about the client, for the access tokens that it gets for itself, from a JSON file
    #[arg(long, group = "change", value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Read client metadata (RFC 7591) from a file; flags override it
    #[arg(long, group = "change", value_name = "FILE")]
    from_json: Option<PathBuf>,
}

/// The file's metadata, overridden by the flags.
pub(super) fn registration(flags: Metadata) -> Result<Registration, Failed> {
    let file = match &flags.from_json {
        Some(path) => read_metadata(path)?,
        None => Registration::default(),
    };
    let claims = flags.claims.as_deref().map(read_claims).transpose()?;
    let names = |flag: Option<String>| Some(flag?.split_whitespace().map(str::to_owned).collect());
    let or = |flag: Vec<String>, file: Vec<String>| if flag.is_empty() { file } else { flag };
    Ok(Registration {
        redirect_uris: or(flags.redirect_uri, file.redirect_uris),
        post_logout_redirect_uris: or(flags.post_logout_redirect_uri, file.post_logout_redirect_uris),
        grant_types: if flags.grant.is_empty() { file.grant_types } else { Some(flags.grant) },
        token_endpoint_auth_method: flags.auth_method.or(file.token_endpoint_auth_method),
        scope: flags.scope.or(file.scope),
        id_token_signed_response_alg: flags.signing_alg.or(file.id_token_signed_response_alg),
        origins: or(flags.origin, file.origins),
        audiences: or(flags.audience, file.audiences),
        resources: or(flags.resource, file.resources),
        client_uri: flags.start_url.or(file.client_uri),
        access_token_ttl: flags.access_token_ttl.or(file.access_token_ttl),
        refresh_token_idle_ttl: flags.refresh_token_idle_ttl.or(file.refresh_token_idle_ttl),
        token_typ: flags.token_typ.or(file.token_typ),
        id_token_claims: names(flags.id_token_claims).or(file.id_token_claims),
        access_token_claims: names(flags.access_token_claims).or(file.access_token_claims),
        claims: claims.or(file.claims),
        ..file
    })
}

fn read_metadata(path: &Path) -> Result<Registration, Failed> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failed(format!("--from-json {}: can't be read: {error}", path.display())))?;
    let wrong = |why: String| {
        Failed(format!("--from-json {}: not client metadata (RFC 7591): {why}", path.display()))
    };
    let Value::Object(mut file) = members::parse(&text).map_err(wrong)? else {
        return Err(wrong("it is no object".into()));
    };
    for name in file.keys().filter(|name| !NAMES.contains(&name.as_str())) {
        note(format_args!("keyward: unknown metadata is ignored: {name}{}", did_you_mean(name, NAMES)));
    }
    file.retain(|name, _| NAMES.contains(&name.as_str()));
    members::read(&file, &NAMES).map_err(|all| wrong(all.join("\n")))
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    let named = GrantType::ALL.into_iter().find(|grant| grant.as_str() == text);
    named.ok_or_else(|| "choose authorization_code, refresh_token or client_credentials".into())
}

fn auth_method(text: &str) -> Result<AuthMethod, String> {
    let named = AuthMethod::ALL.into_iter().find(|method| method.as_str() == text);
    named.ok_or_else(|| "choose none, client_secret_basic or client_secret_post".into())
}

fn token_typ(text: &str) -> Result<AccessTokenTyp, String> {
    let named = AccessTokenTyp::ALL.into_iter().find(|typ| typ.as_str() == text);
    named.ok_or_else(|| "choose at+jwt or JWT".into())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "choose RS256, PS256, ES256 or EdDSA".into())
}
