//! `keyward doctor`: checks what a careful operator would check, and says how to fix what is wrong. With `--aws` it also
//! uses the running server as a client, a user and an attacker would.

mod aws;
mod check;
mod documents;
mod flow;
mod headers;
mod installation;
mod outage;
mod race;
mod visitor;

use super::context::{Context, block_on};
use super::output::{Failed, Outcome};
use crate::assembly;
use crate::config::resolve::{Surroundings, resolve};
use check::{Check, report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also use the running server with a temporary client and user, which are removed at the end: documents, headers as they
    /// arrive, sign-in, refresh, 64 redemptions of one code at once. For the first run on AWS; it takes a few minutes
    #[arg(long)]
    aws: bool,
    /// Also disable the KMS key for about a minute, to see what the server does then. Servers that start meanwhile can't
    /// sign; with `kms-sign`, none can
    #[arg(long, requires = "aws")]
    disable_kms_key: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Outcome {
    let mut settings = match context.raw().and_then(|raw| Ok(resolve(&raw, Surroundings::default())?)) {
        Ok(settings) => settings,
        Err(Failed(why)) => {
            let check = Check::bad("settings", why, "correct the setting as described");
            return report(context.output(), &[check]);
        }
    };
    if args.aws {
        // It changes the store, which is recorded as for any other command.
        context.log(&settings);
    }
    block_on(async move {
        let mut checks = vec![Check::good("settings", "all settings are valid")];
        checks.extend(installation::storage(&settings).await);
        match assembly::open_store(&settings, false).await {
            Ok(store) => {
                installation::adopt_issuer(&mut settings, &*store).await;
                checks.extend(installation::checks(&settings, &store).await);
                checks.extend(installation::reachability(&settings).await);
                if args.aws {
                    aws::run(&mut checks, &settings, &store, args.disable_kms_key).await?;
                }
            }
            Err(error) => {
                checks.push(Check::bad("store", error.to_string(), "see `storage`"));
                checks.extend(installation::reachability(&settings).await);
            }
        }
        report(context.output(), &checks)
    })
}
