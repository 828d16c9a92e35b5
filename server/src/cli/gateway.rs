//! `keyward gateway …`: the configuration of a gateway in front of an API, which lets only requests with a token for the
//! API through.

use super::context::Context;
use super::output::{Failed, Outcome, note};
use crate::assembly;
use clap::{Args, Subcommand};
use keys::clock::{Clock as _, SystemClock};
use keys::{KeyState, snapshot};
use protocol::client::is_resource;
use protocol::issuer::Issuer;
use protocol::jwk::Algorithm;
use protocol::scope::Scope;
use serde_json::json;
use templates::{Gateway, Template as _};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the JWT authorizer of an Amazon API Gateway HTTP API, for a CloudFormation or SAM template
    AwsHttp(Api),
    /// Print the JWT authorizer of an Amazon API Gateway REST API, for a CloudFormation or SAM template
    AwsRest(Api),
    /// Print the listener rule of an AWS Application Load Balancer, for a CloudFormation template
    Alb(Api),
    /// Print the policy of Azure API Management
    Apim(Api),
    /// Print a configuration of Envoy
    Envoy(Api),
    /// Print a configuration of nginx, which introspects each token
    Nginx(Api),
}

#[derive(Debug, Args)]
pub(super) struct Api {
    /// The API's URI, which its tokens have in `aud`
    #[arg(long, value_name = "URI", value_parser = audience)]
    audience: String,
    /// The scope that every call needs; by default, any token for the API is enough
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Option<String>,
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let (output, ours) = (context.output(), context.configured_issuer()?);
    context.with_store(|admin, settings| async move {
        let Some(theirs) = admin.store.issuer().await? else {
            let why = "the store has no issuer yet: start the server once, then run this command again";
            return Err(Failed(why.into()));
        };
        if let Some(ours) = ours.filter(|ours| ours.as_str() != theirs) {
            return Err(another_issuer(&theirs, &ours));
        }
        let custody = assembly::custody(&settings, &settings.keys);
        let (_, ring) = assembly::rotator(&settings, admin.store.clone(), &custody).ring().await?;
        let keys = snapshot::list(&ring, SystemClock.now());
        let signing = keys.iter().filter(|key| key.state != KeyState::Removed).map(|key| key.alg);
        let has_key = |alg: &Algorithm| signing.clone().any(|other| other == *alg);
        let algorithms = command.verifies().iter().filter(|alg| has_key(alg));
        let algorithms: Vec<&str> = algorithms.map(|alg| alg.as_str()).collect();
        if algorithms.is_empty() {
            return Err(no_key(command.verifies()));
        }
        let default = settings.signing_algs.first().copied().filter(has_key);
        command.warn(&settings.issuer, default, &algorithms);
        let configuration = command.configuration(&settings.issuer, &algorithms.join(", "))?;
        output.result(&json!({ "configuration": configuration }), configuration)
    })
}

impl Command {
    /// The algorithms that the gateway verifies, of those there are.
    const fn verifies(&self) -> &'static [Algorithm] {
        match self {
            Self::AwsHttp(_) | Self::Alb(_) | Self::Apim(_) => &[Algorithm::RS256],
            Self::AwsRest(_) => &[Algorithm::RS256, Algorithm::ES256],
            Self::Envoy(_) | Self::Nginx(_) => &Algorithm::ALL,
        }
    }

    /// Says what would not work with the configuration: where the issuer is, and the algorithm of tokens by `default`.
    fn warn(&self, issuer: &Issuer, default: Option<Algorithm>, accepted: &[&str]) {
        if self.is_in_a_cloud() && issuer.is_loopback() {
            note(format_args!(
                "keyward: the gateway can't reach the issuer {issuer}: run this command where the real server runs"
            ));
        }
        if let Some(refused) = default.filter(|alg| !self.verifies().contains(alg)) {
            note(format_args!(
                "keyward: the gateway refuses {refused}, with which tokens are signed by default: register the API's clients \
                 with `--signing-alg {}`",
                accepted.first().copied().unwrap_or_default()
            ));
        }
    }

    /// Whether the gateway runs where a loopback issuer is never the right one.
    const fn is_in_a_cloud(&self) -> bool {
        matches!(self, Self::AwsHttp(_) | Self::AwsRest(_) | Self::Alb(_) | Self::Apim(_))
    }

    fn configuration(&self, issuer: &Issuer, algorithms: &str) -> Result<String, templates::Error> {
        let gateway = match self {
            Self::AwsHttp(api) => Gateway::AwsHttp { api: api.of(issuer, algorithms) },
            Self::AwsRest(api) => Gateway::AwsRest { api: api.of(issuer, algorithms) },
            Self::Alb(api) => Gateway::Alb { api: api.of(issuer, algorithms) },
            Self::Apim(api) => Gateway::Apim { api: api.of(issuer, algorithms) },
            Self::Envoy(api) => Gateway::Envoy { api: api.of(issuer, algorithms) },
            Self::Nginx(api) => Gateway::Nginx { api: api.of(issuer, algorithms) },
        };
        gateway.render()
    }
}

impl Api {
    fn of<'a, T: From<&'a str>>(&'a self, issuer: &'a Issuer, algorithms: &'a str) -> templates::Api<'a, T> {
        templates::Api {
            audience: T::from(&self.audience),
            scope: self.scope.as_deref().map(T::from),
            algorithms,
            issuer: issuer.as_str(),
            is_https: issuer.is_https(),
            authority: issuer.authority(),
            host: issuer.host(),
            address: issuer.host().trim_matches(['[', ']']),
            port: issuer.port(),
            path: issuer.path(),
        }
    }
}

fn another_issuer(theirs: &str, ours: &Issuer) -> Failed {
    Failed(format!(
        "the store belongs to {theirs}, but the settings say {ours}: set `issuer` to the store's, or start \
         `keyward serve --change-issuer` once"
    ))
}

fn no_key(verified: &[Algorithm]) -> Failed {
    let names: Vec<&str> = verified.iter().map(|alg| alg.as_str()).collect();
    let (all, first) = (names.join(" and "), names.first().copied().unwrap_or_default());
    Failed(format!(
        "this gateway verifies only {all}, for which the server has no key: add {first} to the setting `signing_algs` and restart \
         the server. When the key signs (`keyward keys list`), register the API's clients with `--signing-alg {first}`"
    ))
}

fn audience(text: &str) -> Result<String, String> {
    if !is_resource(text) {
        return Err("write an absolute URI without a fragment, such as https://api.example.com".into());
    }
    literal(text)
}

fn scope(text: &str) -> Result<String, String> {
    match Scope::parse(text) {
        Ok(scope) if scope.tokens().count() == 1 => literal(text),
        _ => Err("write one scope, without spaces; the API can check others".into()),
    }
}

/// Texts that CloudFormation (`{{resolve:…}}`) or Azure API Management (`{{name}}`, `@(…)`) would replace, however they
/// are quoted.
fn literal(text: &str) -> Result<String, String> {
    if text.contains("{{") || text.starts_with('@') {
        return Err("gateways would expand `{{` and a leading `@`: choose another name".into());
    }
    Ok(text.to_owned())
}
