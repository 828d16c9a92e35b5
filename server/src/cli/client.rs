//! `keyward client …`.

use super::context::Context;
use super::output::{Failed, Outcome, Output, Table, note, show_time};
use crate::admin::Admin;
use crate::admin::clients::Created;
use crate::admin::metadata::{ApplicationType, ClientInformation, Registration};
use crate::config::{Settings, StorageSetting};
use clap::{Args, Subcommand};
use protocol::client::{AuthMethod, Client, GrantType};
use protocol::jwk::Algorithm;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register a client; its secret is printed once
    Create(Box<Create>),
    /// Change what is named and leave the rest; a list replaces the whole list, one empty text clears it
    Update(Box<Update>),
    /// Make a new secret; the old one works on for a while
    RotateSecret(RotateSecret),
    /// List all clients
    List,
    /// Show a client
    Show(Id),
    /// Refuse a client everywhere and end its grants for good
    Disable(Id),
    /// Let a disabled client work again; its grants stay ended
    Enable(Id),
    /// Delete a client, which ends its grants
    Delete(Id),
}

#[derive(Debug, Args)]
pub(super) struct Id {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct RotateSecret {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// How long the old secret works on, `24h` if left out; `0` ends it at once, as after a leak
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    overlap: Duration,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What people read on sign-in and consent pages
    #[arg(long, required_unless_present = "from_json")]
    name: Option<String>,
    #[command(flatten)]
    metadata: Metadata,
    /// Work without PKCE (confidential clients only)
    #[arg(long)]
    no_pkce: bool,
    /// The operator's own: people aren't asked for consent (confidential clients only)
    #[arg(long)]
    first_party: bool,
    /// A program on people's devices: loopback ports may vary, private-use schemes are allowed
    #[arg(long)]
    native: bool,
    /// Its id; random if left out
    #[arg(long)]
    id: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// What people read on sign-in and consent pages
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    metadata: Metadata,
    /// Whether PKCE is demanded
    #[arg(long, value_name = "true|false")]
    pkce: Option<bool>,
    /// Whether it is the operator's own
    #[arg(long, value_name = "true|false")]
    first_party: Option<bool>,
    /// Whether it is a program on people's devices
    #[arg(long, value_name = "true|false")]
    native: Option<bool>,
}

/// What can be said at registration and later.
#[derive(Debug, Args)]
struct Metadata {
    /// Where answers may go; compared byte for byte; repeat for several
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where a browser may go after logout; repeat for several
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Origin of its browser code, besides those of the redirect URIs; repeat for several
    #[arg(long)]
    origin: Vec<String>,
    /// What it gets tokens with; with a redirect URI `authorization_code` and `refresh_token`, else
    /// `client_credentials`; repeat for several
    #[arg(long, value_name = "GRANT", value_parser = grant_type)]
    grant: Vec<GrantType>,
    /// How it authenticates: none, client_secret_basic (the default) or client_secret_post
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    auth_method: Option<AuthMethod>,
    /// What it may ask for; with a redirect URI `openid profile email offline_access`, else nothing
    #[arg(long, value_name = "\"A B\"")]
    scope: Option<String>,
    /// Resource it may request tokens for; the first is its default; repeat for several
    #[arg(long, value_name = "URI")]
    audience: Vec<String>,
    /// Resource it is the server of: tokens may name it, and it may introspect them; repeat for several
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// Signs its ID and access tokens; the server's first if left out
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    signing_alg: Option<Algorithm>,
    /// Read client metadata (RFC 7591) from a file; flags go before it
    #[arg(long, value_name = "FILE")]
    from_json: Option<PathBuf>,
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    let named = GrantType::ALL.into_iter().find(|grant| grant.as_str() == text);
    named.ok_or_else(|| "choose authorization_code, refresh_token or client_credentials".into())
}

fn auth_method(text: &str) -> Result<AuthMethod, String> {
    let named = AuthMethod::ALL.into_iter().find(|method| method.as_str() == text);
    named.ok_or_else(|| "choose none, client_secret_basic or client_secret_post".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration(text)
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "choose RS256, PS256, ES256 or EdDSA".into())
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    context.with_store(|admin, settings| async move {
        match command {
            Command::Create(flags) => create(&admin, &settings, *flags, output).await,
            Command::Update(flags) => update(&admin, &settings, *flags, output).await,
            Command::RotateSecret(RotateSecret { id, overlap }) => {
                let created = admin.rotate_secret(&id, overlap).await?;
                let old = created.client.secrets.iter().find_map(|secret| secret.expires_at);
                let old = old.map_or("The old secret has ended.".into(), |at| {
                    format!("The old secret works until {}.", show_time(at))
                });
                made(&created, &format!("{old} {}", takes_effect(&settings)), output)
            }
            Command::List => list(&admin, output).await,
            Command::Show(Id { id }) => {
                let client = admin.client(&id).await?;
                output.result(&ClientInformation::new(&client, None), describe(&client))
            }
            Command::Disable(Id { id }) => {
                let client = admin.set_client_disabled(&id, true).await?;
                let line = format!("{id} is disabled and its grants have ended. {}", takes_effect(&settings));
                output.result(&ClientInformation::new(&client, None), line)
            }
            Command::Enable(Id { id }) => {
                let client = admin.set_client_disabled(&id, false).await?;
                let line = format!("{id} may work again. {}", takes_effect(&settings));
                output.result(&ClientInformation::new(&client, None), line)
            }
            Command::Delete(Id { id }) => {
                let client = admin.delete_client(&id).await?;
                let line = format!("{id} is deleted. {}", takes_effect(&settings));
                output.result(&ClientInformation::new(&client, None), line)
            }
        }
    })
}

async fn create(admin: &Admin, settings: &Settings, flags: Create, output: Output) -> Outcome {
    let mut registration = registration(flags.metadata)?;
    let yes = |flag: bool, file| if flag { Some(true) } else { file };
    registration.client_id = flags.id.or(registration.client_id);
    registration.client_name = flags.name.or(registration.client_name);
    registration.pkce_required = if flags.no_pkce { Some(false) } else { registration.pkce_required };
    registration.first_party = yes(flags.first_party, registration.first_party);
    let native = flags.native.then_some(ApplicationType::Native);
    registration.application_type = native.or(registration.application_type);
    made(&admin.create_client(&registration, &settings.signing_algs).await?, "", output)
}

async fn update(admin: &Admin, settings: &Settings, flags: Update, output: Output) -> Outcome {
    let mut registration = registration(flags.metadata)?;
    registration.client_name = flags.name.or(registration.client_name);
    registration.pkce_required = flags.pkce.or(registration.pkce_required);
    registration.first_party = flags.first_party.or(registration.first_party);
    let kind = |native| if native { ApplicationType::Native } else { ApplicationType::Web };
    registration.application_type = flags.native.map(kind).or(registration.application_type);
    let created = admin.update_client(&flags.id, &registration, &settings.signing_algs).await?;
    made(&created, takes_effect(settings), output)
}

/// The client, and its secret if it has just got one.
fn made(created: &Created, note: &str, output: Output) -> Outcome {
    let Created { client, secret } = created;
    let mut text = describe(client);
    if let Some(secret) = secret {
        let _infallible =
            writeln!(text, "client_secret  {secret}\n\nThe secret is shown this once. Keep it safe.");
    }
    let _infallible = writeln!(text, "{note}");
    output.result(&ClientInformation::new(client, secret.as_deref()), text)
}

/// The file's metadata with the flags laid over it.
fn registration(flags: Metadata) -> Result<Registration, Failed> {
    let file = match &flags.from_json {
        Some(path) => read_metadata(path)?,
        None => Registration::default(),
    };
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
        ..file
    })
}

fn read_metadata(path: &Path) -> Result<Registration, Failed> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failed(format!("--from-json {}: can't be read: {error}", path.display())))?;
    let registration: Registration = serde_json::from_str(&text).map_err(|error| {
        Failed(format!("--from-json {}: not client metadata of RFC 7591: {error}", path.display()))
    })?;
    if !registration.ignored.is_empty() {
        let names: Vec<&str> = registration.ignored.keys().map(String::as_str).collect();
        note(format_args!("keyward: not understood and ignored: {}", names.join(", ")));
    }
    Ok(registration)
}

async fn list(admin: &Admin, output: Output) -> Outcome {
    let clients = admin.store.clients().await?;
    let all: Vec<_> = clients.iter().map(|client| ClientInformation::new(client, None)).collect();
    let mut table = Table::new(["CLIENT ID", "NAME", "AUTHENTICATES BY", "GRANTS", "STATE"]);
    for client in &clients {
        table.row([
            client.id.to_string(),
            client.name.clone(),
            client.auth_method.as_str().into(),
            grants(client),
            if client.disabled { "disabled" } else { "enabled" }.into(),
        ]);
    }
    match clients.is_empty() && !output.json {
        true => {
            output.result(&all, "There are no clients yet; `keyward client create --name NAME` makes one.")
        }
        false => output.result(&all, table),
    }
}

fn grants(client: &Client) -> String {
    client.grant_types.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
}

/// A client for people; what is empty is left out.
fn describe(client: &Client) -> String {
    let yes = |flag: bool| if flag { "yes" } else { "" }.to_owned();
    let rows = [
        ("client_id", client.id.to_string()),
        ("name", client.name.clone()),
        ("authenticates", client.auth_method.as_str().into()),
        ("grants", grants(client)),
        ("scope", client.scope.to_string()),
        ("redirects to", client.redirect_uris.join("\n               ")),
        ("after logout", client.post_logout_redirect_uris.join("\n               ")),
        ("origins", client.origins.join(" ")),
        ("audiences", client.audiences.join(" ")),
        ("serves", client.resources.join(" ")),
        ("signed with", client.signing_alg.map(|alg| alg.to_string()).unwrap_or_default()),
        ("without PKCE", yes(!client.pkce_required)),
        ("first party", yes(client.first_party)),
        ("native", yes(client.native)),
        ("disabled", yes(client.disabled)),
        ("created", show_time(client.created_at)),
    ];
    let filled = rows.iter().filter(|(_, value)| !value.is_empty());
    filled.fold(String::new(), |mut text, (name, value)| {
        let _infallible = writeln!(text, "{name:13}  {value}");
        text
    })
}

/// When a running server goes by it.
fn takes_effect(settings: &Settings) -> &'static str {
    match settings.storage {
        StorageSetting::Sqlite(_) | StorageSetting::SqliteMemory => "Running servers know within a second.",
        StorageSetting::DynamoDb(_) => "Running servers know within 60 s.",
    }
}
