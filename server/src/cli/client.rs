//! `keyward client …`.

use super::client_metadata::{Metadata, registration};
use super::context::Context;
use super::input::read_secret;
use super::output::{Outcome, Output, Table, note, show_time};
use crate::admin::Admin;
use crate::admin::clients::Created;
use crate::admin::metadata::{ApplicationType, ClientInformation};
use crate::config::{Settings, show_duration};
use clap::{ArgGroup, Args, Subcommand};
use protocol::client::{Client, GrantType};
use protocol::client_tokens::AccessTokenTyp;
use protocol::consent::may_be_skipped;
use protocol::lifetimes::Seconds;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register a client; its secret is shown once
    Create(Box<Create>),
    /// Change what the flags name and leave the rest; a list replaces the whole list, one empty value clears it
    Update(Box<Update>),
    /// Make a new secret; the old one continues to work for a while
    RotateSecret(RotateSecret),
    /// List all clients
    List,
    /// Show a client
    Show(Id),
    /// Refuse a client everywhere and end its grants permanently
    Disable(Id),
    /// Let a disabled client work again; its former grants remain ended
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
    /// How long the old secret continues to work, by default `24h`; `0` ends it at once, as after a leak
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    overlap: Duration,
    /// Read the new secret, one line, from standard input instead of making a random one
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").multiple(true))]
pub(super) struct Create {
    /// The name on sign-in and consent pages
    #[arg(long, required_unless_present = "from_json")]
    name: Option<String>,
    #[command(flatten)]
    metadata: Metadata,
    /// Don't require PKCE (confidential clients only)
    #[arg(long)]
    no_pkce: bool,
    /// The operator's own: users aren't asked for consent (confidential clients only)
    #[arg(long)]
    first_party: bool,
    /// An application on users' devices: loopback ports may vary, private-use schemes are allowed
    #[arg(long)]
    native: bool,
    /// Its private-use schemes may lack a dot, as in `cursor://…`, which other applications can claim, too
    #[arg(long, requires = "native")]
    dotless_schemes: bool,
    /// The client's id, such as `urn:billing:worker`: printable ASCII characters; random by default
    #[arg(long)]
    id: Option<String>,
    /// Read the client's secret, one line, from standard input instead of making a random one
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(super) struct Update {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// The name on sign-in and consent pages
    #[arg(long, group = "change")]
    name: Option<String>,
    #[command(flatten)]
    metadata: Metadata,
    /// Whether PKCE is required
    #[arg(long, group = "change", value_name = "true|false")]
    pkce: Option<bool>,
    /// Whether it is the operator's own
    #[arg(long, group = "change", value_name = "true|false")]
    first_party: Option<bool>,
    /// Whether it is an application on users' devices
    #[arg(long, group = "change", value_name = "true|false")]
    native: Option<bool>,
    /// Whether its private-use schemes may lack a dot
    #[arg(long, group = "change", value_name = "true|false")]
    dotless_schemes: Option<bool>,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration(text)
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    let reads = match &command {
        Command::Create(create) => create.secret_stdin,
        Command::RotateSecret(rotate) => rotate.secret_stdin,
        _ => false,
    };
    let secret = if reads { Some(read_secret()?) } else { None };
    context.with_store(|admin, settings| async move {
        let secret = secret.as_deref().map(String::as_str);
        match command {
            Command::Create(flags) => create(&admin, &settings, *flags, secret, output).await,
            Command::Update(flags) => update(&admin, &settings, *flags, output).await,
            Command::RotateSecret(RotateSecret { id, overlap, .. }) => {
                let created = admin.rotate_secret_to(&id, overlap, secret).await?;
                let old = created.client.secrets.iter().find_map(|secret| secret.expires_at);
                let old = old.map_or("The old secret no longer works.".into(), |at| {
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
                let line =
                    format!("{id} is disabled, and its grants have ended. {}", takes_effect(&settings));
                output.result(&ClientInformation::new(&client, None), line)
            }
            Command::Enable(Id { id }) => {
                let client = admin.set_client_disabled(&id, false).await?;
                let line = format!("{id} is enabled. {}", takes_effect(&settings));
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

async fn create(
    admin: &Admin,
    settings: &Settings,
    flags: Create,
    secret: Option<&str>,
    output: Output,
) -> Outcome {
    let mut registration = registration(flags.metadata)?;
    let yes = |flag: bool, file| if flag { Some(true) } else { file };
    registration.client_id = flags.id.or(registration.client_id);
    registration.client_name = flags.name.or(registration.client_name);
    registration.pkce_required = if flags.no_pkce { Some(false) } else { registration.pkce_required };
    registration.first_party = yes(flags.first_party, registration.first_party);
    registration.dotless_schemes = yes(flags.dotless_schemes, registration.dotless_schemes);
    let native = flags.native.then_some(ApplicationType::Native);
    registration.application_type = native.or(registration.application_type);
    let created = admin.create_client_with(&registration, settings, secret).await?;
    idle_first_party(&created.client).into_iter().for_each(note);
    made(&created, "", output)
}

async fn update(admin: &Admin, settings: &Settings, flags: Update, output: Output) -> Outcome {
    let mut registration = registration(flags.metadata)?;
    registration.client_name = flags.name.or(registration.client_name);
    registration.pkce_required = flags.pkce.or(registration.pkce_required);
    registration.first_party = flags.first_party.or(registration.first_party);
    registration.dotless_schemes = flags.dotless_schemes.or(registration.dotless_schemes);
    let kind = |native| if native { ApplicationType::Native } else { ApplicationType::Web };
    registration.application_type = flags.native.map(kind).or(registration.application_type);
    let created = admin.update_client(&flags.id, &registration, settings).await?;
    if registration.first_party.is_some() || !registration.redirect_uris.is_empty() {
        idle_first_party(&created.client).into_iter().for_each(note);
    }
    made(&created, takes_effect(settings), output)
}

/// Prints the client, and its secret if it is new.
fn made(created: &Created, last: &str, output: Output) -> Outcome {
    let Created { client, secret } = created;
    let mut text = describe(client);
    if let Some(secret) = secret {
        let _infallible =
            writeln!(text, "client_secret  {secret}\n\nThe secret is not shown again. Keep it safe.");
    }
    let _infallible = writeln!(text, "{last}");
    output.result(&ClientInformation::new(client, secret.as_deref()), text)
}

/// Says that users are asked for consent all the same.
pub(super) fn idle_first_party(client: &Client) -> Option<String> {
    let is_idle =
        client.first_party && client.may_use(GrantType::AuthorizationCode) && !may_be_skipped(client);
    is_idle.then(|| {
        format!(
            "keyward: the client {} is first-party, but its users are asked for consent all the same: any program on a device can \
             take a redirect URI that is not https (RFC 8252 §8.6)",
            client.id
        )
    })
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

/// A client as text; empty fields are left out.
fn describe(client: &Client) -> String {
    let yes = |flag: bool| if flag { "yes" } else { "" }.to_owned();
    let tokens = &client.tokens;
    let ttl = |own: Option<Seconds>| own.map(|own| show_duration(own.into())).unwrap_or_default();
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
        ("dotless", yes(client.dotless_schemes)),
        ("starts at", client.start_url.clone().unwrap_or_default()),
        ("access token", ttl(tokens.access_token_ttl)),
        ("refresh token", ttl(tokens.refresh_token_idle_ttl)),
        (
            "token type",
            if tokens.token_typ == AccessTokenTyp::AtJwt { "" } else { tokens.token_typ.as_str() }.into(),
        ),
        ("in ID tokens", tokens.id_token_claims.join(" ")),
        ("in access t.", tokens.access_token_claims.join(" ")),
        (
            "own claims",
            if tokens.claims.is_empty() {
                String::new()
            } else {
                Value::from(tokens.claims.clone()).to_string()
            },
        ),
        ("disabled", yes(client.disabled)),
        ("created", show_time(client.created_at)),
    ];
    let filled = rows.iter().filter(|(_, value)| !value.is_empty());
    filled.fold(String::new(), |mut text, (name, value)| {
        let _infallible = writeln!(text, "{name:13}  {value}");
        text
    })
}

/// When running servers notice a change.
fn takes_effect(settings: &Settings) -> &'static str {
    if settings.storage.backend().reports_changes() {
        "Running servers notice within a second."
    } else {
        "Running servers notice within 60 s."
    }
}
