//! `seed`: fills a store with what the OpenID Foundation's conformance suite needs: a user with every standard claim,
//! the clients of each plan, the suite's configuration for each plan, and a certificate for the issuer's host. Every
//! run replaces them, with new secrets. Only for a loopback issuer: anybody who reads the files can sign in.

use clap::Parser;
use conformance::plans::{self, Credentials, Person, Place, Plan};
use keys::entropy;
use protocol::base64url;
use protocol::issuer::Issuer;
use serde_json::json;
use server::admin::metadata::Registration;
use server::admin::users::NewUser;
use server::admin::{Admin, AdminError};
use server::assembly;
use server::config::Settings;
use server::config::env::Env;
use server::config::raw::Raw;
use server::config::resolve::{Surroundings, resolve};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// Fills a store for the OpenID Foundation's conformance suite.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Keyward's settings file; without it `keyward.toml` in the working directory, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The suite's base URL, as it names itself
    #[arg(long, value_name = "URL", default_value = "https://localhost:8443")]
    suite: String,
    /// Folder for the plans' configurations and for `tls.crt` and `tls.key`; they hold secrets
    #[arg(long, value_name = "FOLDER", default_value = "oidf")]
    out: PathBuf,
    /// Print exactly one JSON document on standard output
    #[arg(long)]
    json: bool,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = seed(&cli).await.and_then(|seeded| Ok(writeln!(std::io::stdout(), "{seeded}")?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_reads = writeln!(std::io::stderr(), "seed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn seed(cli: &Cli) -> Outcome<String> {
    let raw = Raw::read(cli.config.as_deref(), &Env::of_process())?;
    let settings = resolve(&raw, Surroundings::default())?;
    let admin = assembly::admin(assembly::open_store(&settings, false).await?);
    let issuer = issuer(&admin, &settings).await?;
    let suite = cli.suite.trim_end_matches('/');
    let password: [u8; 16] = entropy::bytes(&*admin.entropy);
    let password = Zeroizing::new(base64url::encode(&password));
    let person = plans::person();
    replace_person(&admin, &person, password.clone()).await?;
    let place = Place { issuer: issuer.as_str(), suite, password: &password };
    std::fs::create_dir_all(&cli.out)?;
    write_certificate(&cli.out, issuer.host())?;
    let mut files = BTreeMap::new();
    for plan in plans::all() {
        let clients = replace_clients(&admin, &settings, &plan, suite).await?;
        let file = cli.out.join(format!("{}.json", plan.name));
        let configuration = plan.configuration(place, &clients);
        write_secret(&file, &serde_json::to_string_pretty(&configuration)?)?;
        files.insert(plan.name, file);
    }
    if cli.json {
        let document =
            json!({ "issuer": issuer.as_str(), "suite": suite, "username": person.username, "plans": files });
        return Ok(serde_json::to_string_pretty(&document)?);
    }
    let names: Vec<_> = files.values().map(|file| format!("  {}", file.display())).collect();
    Ok(format!(
        "{issuer} has {} and the clients of each plan. Configurations:\n{}",
        person.username,
        names.join("\n")
    ))
}

/// The store's issuer, or that of the settings if the store has none yet. Loopback, and https as the suite demands.
async fn issuer(admin: &Admin, settings: &Settings) -> Outcome<Issuer> {
    let issuer = match admin.store.issuer().await? {
        Some(issuer) => {
            Issuer::parse(&issuer).map_err(|why| format!("the store's issuer is damaged: {}", why.fix()))?
        }
        None if !settings.issuer_is_default => settings.issuer.clone(),
        None => {
            return Err(
                "the store has no issuer yet: give the setting `issuer`, or start `keyward serve` on it once"
                    .into(),
            );
        }
    };
    if !issuer.is_loopback() {
        return Err(format!(
            "{issuer} is no loopback issuer: a test person and test clients have no place there"
        )
        .into());
    }
    if !issuer.as_str().starts_with("https://") {
        return Err(format!(
            "{issuer} is not https, which the suite demands: serve with --tls-cert and --tls-key"
        )
        .into());
    }
    Ok(issuer)
}

async fn replace_person(
    admin: &Admin,
    person: &Person,
    password: Zeroizing<String>,
) -> Result<(), AdminError> {
    if admin.user(&person.username).await.is_ok() {
        admin.delete_user(&person.username).await?;
    }
    let new = NewUser {
        username: person.username.clone(),
        email: Some(person.email.clone()),
        email_verified: person.email_verified,
        claims: person.claims.clone(),
        ..NewUser::default()
    };
    admin.create_user(new, Some((&assembly::passwords(), password))).await.map(drop)
}

async fn replace_clients(
    admin: &Admin,
    settings: &Settings,
    plan: &Plan,
    suite: &str,
) -> Outcome<BTreeMap<String, Credentials>> {
    let mut made = BTreeMap::new();
    for (name, metadata) in plan.clients(suite) {
        let id = plan.client_id(&name);
        if admin.client(&id).await.is_ok() {
            admin.delete_client(&id).await?;
        }
        let registration = Registration { client_id: Some(id.clone()), ..serde_json::from_value(metadata)? };
        let created = admin.create_client(&registration, settings).await?;
        let secret = created.secret.ok_or("a client of the suite needs a secret")?;
        made.insert(name, Credentials { id, secret });
    }
    Ok(made)
}

/// For `keyward serve --tls-cert --tls-key`. The suite trusts every certificate, but speaks nothing but TLS.
fn write_certificate(folder: &Path, host: &str) -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed([host.trim_matches(['[', ']']).to_owned()])?;
    std::fs::write(folder.join("tls.crt"), made.cert.pem())?;
    write_secret(&folder.join("tls.key"), &made.signing_key.serialize_pem())
}

/// Readable by its owner only, whatever was there before.
fn write_secret(file: &Path, text: &str) -> Outcome<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    Ok(writeln!(opened, "{}", text.trim_end())?)
}
