//! `bench`: measures, and says whether the budgets are kept.

use bench::budget::{Budget, of_instructions, of_run};
use bench::connection::Connection;
use bench::instructions::count;
use bench::load::Flow as _;
use bench::machine::Machine;
use bench::product::{Client, Product};
use bench::report::{Counted, Counts, Report, Resident, Start};
use bench::rounds::Plan;
use bench::runner::Runner;
use bench::scenario::{s1, s7};
use bench::token::Token;
use bench::{Outcome, floor, startup};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::fmt;
use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measures the release binary beside the floor server.
#[derive(Debug, Parser)]
struct Cli {
    /// The binary to measure
    #[arg(long, global = true, value_name = "FILE", default_value = "target/release/keyward")]
    keyward: PathBuf,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// CPU time of scenarios, start, memory and size
    Run(Effort),
    /// The same; fails if a budget is missed
    Check(Effort),
    /// Instructions of a token, counted by callgrind; fails if a budget is missed
    Instructions,
}

#[derive(Clone, Copy, Debug, Args)]
struct Effort {
    /// Rounds of floor and product by turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections of each
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Starts of each
    #[arg(long, default_value_t = 20)]
    starts: usize,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&cli)));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _nobody_reads = writeln!(stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what was asked for is kept.
async fn run(cli: &Cli) -> Outcome<bool> {
    let product = Product::install(&cli.keyward)?;
    let (text, budgets) = match cli.what {
        What::Run(effort) | What::Check(effort) => {
            let report = measure(&product, effort).await?;
            (cli.render(&report)?, report.budgets)
        }
        What::Instructions => {
            let counts = counts(&product).await?;
            (cli.render(&counts)?, counts.budgets)
        }
    };
    writeln!(stdout(), "{}", text.trim_end())?;
    Ok(matches!(cli.what, What::Run(_)) || budgets.iter().all(Budget::is_kept))
}

async fn measure(product: &Product, effort: Effort) -> Outcome<Report> {
    let Effort { rounds, seconds, connections, starts } = effort;
    let plan = Plan { rounds, time: Duration::try_from_secs_f64(seconds)?, connections };
    let clients = Token::SIGNED.map(|token| s1::client(product, token).map(|client| (token, client)));
    let [eddsa, es256, rs256] = clients;
    let clients = [eddsa?, es256?, rs256?];
    let [_, (_, es256), (_, rs256)] = &clients;
    // Started with all cores, measured with one.
    let start = starting(product, rs256, starts).await?;
    let machine = Machine::claim()?;
    let server = product.serve(&machine.runner())?;
    s1::ask(&server, rs256).once(&mut Connection::open(server.address).await?).await?;
    let opaque_floor = s1::opaque_floor(&machine, plan).await?;
    let idle = server.resident()?;
    let mut rows = Vec::new();
    for (token, client) in &clients {
        rows.push(s1::run(&machine, &server, client, *token, plan).await?);
    }
    rows.push(s7::run(&machine, &server, plan).await?);
    let latency = s1::latency(&server, es256, plan).await?;
    let resident = Resident { idle, loaded: server.resident()? };
    let (size, budgets) = (product.size()?, Vec::new());
    let mut report = Report { machine, plan, opaque_floor, rows, latency, start, resident, size, budgets };
    report.budgets = of_run(&report);
    Ok(report)
}

async fn starting(product: &Product, client: &Client, times: usize) -> Outcome<Start> {
    let start_floor = || floor::start(&Runner::Plain, Token::ES256);
    let floor = startup::first_tokens(times, start_floor, s1::ask_floor).await?;
    let start = || product.serve(&Runner::Plain);
    let product = startup::first_tokens(times, start, |server| s1::ask(server, client)).await?;
    Ok(Start { floor, product })
}

async fn counts(product: &Product) -> Outcome<Counts> {
    let mut counts = Counts { kinds: Vec::new(), budgets: Vec::new() };
    for token in Token::ALL {
        let floor = count(|runner| floor::start(runner, token), s1::ask_floor).await?;
        let product = match token {
            Token::Opaque => None,
            token => {
                let client = s1::client(product, token)?;
                Some(count(|runner| product.serve(runner), |server| s1::ask(server, &client)).await?)
            }
        };
        counts.kinds.push(Counted { name: token.as_str(), floor, product });
    }
    counts.budgets = of_instructions(&counts);
    Ok(counts)
}

impl Cli {
    fn render(&self, result: &(impl Serialize + fmt::Display)) -> Outcome<String> {
        Ok(if self.json { serde_json::to_string_pretty(result)? } else { result.to_string() })
    }
}
