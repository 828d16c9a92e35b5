//! `oidf`: runs the plans of the OpenID Foundation's conformance suite against Keyward, prints the result of each
//! module, and fails if one is unexpected. The suite runs separately (docs/guides/conformance.md); this program uses
//! its REST interface. `seed` has made the clients and the user in Keyward's store, and the configurations that are
//! sent to the suite here.
//!
//! Absent on purpose: a browser. The suite has its own; the configurations tell it what to do on our pages.

mod client;
mod judge;
mod output;
mod report;
mod run;
mod suite;

use clap::Parser;
use conformance::plans;
use output::{Outcome, note, print};
use report::Report;
use run::Run;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use suite::Suite;

/// Runs the OpenID Foundation's conformance suite against Keyward.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The suite's base URL
    #[arg(long, value_name = "URL", default_value = "https://localhost:8443")]
    suite: String,
    /// Accept any certificate of a suite on this machine: its images make their own
    #[arg(long)]
    insecure: bool,
    /// File with a token of the suite, if it is not in its development mode
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Folder with the configurations that `seed` wrote
    #[arg(long, value_name = "FOLDER", default_value = "oidf")]
    configurations: PathBuf,
    /// Run this plan (config, basic, form-post, logout); repeat for several; all if left out
    #[arg(long, value_name = "NAME")]
    plan: Vec<String>,
    /// Run only this module of the plans; repeat for several
    #[arg(long, value_name = "NAME")]
    module: Vec<String>,
    /// How long a module may take
    #[arg(long, value_name = "SECONDS", default_value_t = 240)]
    module_timeout: u64,
    /// Write a JUnit file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the result as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print exactly one JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note(format_args!("oidf: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything ended as expected.
async fn execute(cli: &Cli) -> Outcome<bool> {
    let known = plans::all();
    if let Some(name) = cli.plan.iter().find(|name| known.iter().all(|plan| plan.name != name.as_str())) {
        let names: Vec<_> = known.iter().map(|plan| plan.name).collect();
        return Err(format!("there is no plan `{name}`: choose of {}", names.join(", ")).into());
    }
    let chosen =
        known.into_iter().filter(|plan| cli.plan.is_empty() || cli.plan.iter().any(|name| name == plan.name));
    let token = cli.token_file.as_ref().map(std::fs::read_to_string).transpose()?;
    let token = token.map(|token| token.trim().to_owned());
    let http = client::Http::new(&cli.suite, cli.insecure, token)?;
    let suite = Suite::new(http);
    let mut report =
        Report { suite: suite.base().to_owned(), version: suite.version().await?, plans: Vec::new() };
    let run = Run {
        suite: &suite,
        configurations: &cli.configurations,
        modules: &cli.module,
        patience: Duration::from_secs(cli.module_timeout),
        quiet: cli.json,
    };
    for plan in chosen {
        report.plans.push(run.plan(&plan).await?);
    }
    finish(cli, &report)
}

fn finish(cli: &Cli, report: &Report) -> Outcome<bool> {
    if let Some(file) = &cli.junit {
        std::fs::write(file, report.junit())?;
    }
    if let Some(file) = &cli.markdown {
        std::fs::write(file, report.markdown())?;
    }
    if cli.json {
        print(&serde_json::to_string_pretty(&report.json())?)?
    } else {
        print(&report.table())?
    }
    // Otherwise a name that is in no plan would look like a success.
    let ran: usize = report.plans.iter().map(|plan| plan.modules.len()).sum();
    if ran == 0 {
        return Err("no module was run: --module names none of the chosen plans".into());
    }
    Ok(report.is_expected())
}
