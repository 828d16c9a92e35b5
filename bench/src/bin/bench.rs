//! `bench`: measures, and says whether the budgets are kept.

use bench::budget::{Budget, of_instructions};
use bench::instructions::count;
use bench::kms::Kms;
use bench::measure::{self, measure};
use bench::product::Product;
use bench::report::CountsReport;
use bench::results::{Counted, Counts, ENVELOPE, SIGN};
use bench::rounds::Plan;
use bench::scenario::s1;
use bench::scenario::s11::{self, InKms};
use bench::token::Token;
use bench::{Outcome, floor, function};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::fmt;
use std::io::{Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Measures the release binary against the floor server.
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
    /// Starts of the binary as an AWS Lambda function, on AWS's emulator of the runtime
    Function {
        /// The emulator, `aws-lambda-rie`
        #[arg(long, value_name = "FILE")]
        emulator: PathBuf,
        /// How many
        #[arg(long, default_value_t = 20)]
        starts: usize,
    },
}

#[derive(Clone, Debug, Args)]
struct Effort {
    /// Rounds, floor and product in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per round
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections per round
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Starts of each server
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// Scenarios, as `S2,S4`; all if left out. S1 is always measured
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
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

/// Whether every budget that was asked for is met.
async fn run(cli: &Cli) -> Outcome<bool> {
    let (text, budgets) = match &cli.what {
        What::Run(effort) | What::Check(effort) => {
            let report = measure(&cli.keyward, &effort.read()?).await?;
            (cli.render(&report)?, report.budgets)
        }
        What::Instructions => {
            let report = counts(&cli.keyward).await?;
            (cli.render(&report)?, report.budgets)
        }
        What::Function { emulator, starts } => {
            (cli.render(&function::starts(&cli.keyward, emulator, *starts).await?)?, Vec::new())
        }
    };
    writeln!(stdout(), "{}", text.trim_end())?;
    Ok(matches!(cli.what, What::Run(_)) || budgets.iter().all(Budget::is_kept))
}

async fn counts(program: &Path) -> Outcome<CountsReport> {
    let product = &Product::install(program, &[])?;
    let mut counts = Counts { kinds: Vec::new() };
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
    counts.kinds.extend(in_kms(program).await?);
    Ok(CountsReport { budgets: of_instructions(&counts), counts })
}

/// The same for keys in KMS (S11).
async fn in_kms(program: &Path) -> Outcome<[Counted; 2]> {
    let (kms, file) = (Kms::start()?, s11::in_a_file(program)?);
    let signing_key = kms.signing_key().await?;
    let envelope = InKms::install(program, &kms, "kms-envelope").await?;
    let sign = InKms::install(program, &kms, "kms-sign").await?;
    let of = async |InKms { product, client }: &InKms| {
        count(|runner| product.serve(runner), |server| s1::ask(server, client)).await
    };
    let least = count(|runner| floor::start_in_kms(runner, &kms, &signing_key), s1::ask_floor).await?;
    Ok([
        Counted { name: ENVELOPE, floor: of(&file).await?, product: Some(of(&envelope).await?) },
        Counted { name: SIGN, floor: least, product: Some(of(&sign).await?) },
    ])
}

impl Effort {
    fn read(&self) -> Outcome<measure::Effort> {
        let Self { rounds, seconds, connections, starts, ref only } = *self;
        let plan = Plan { rounds, time: Duration::try_from_secs_f64(seconds)?, connections };
        Ok(measure::Effort { plan, starts, only: only.clone() })
    }
}

impl Cli {
    fn render(&self, result: &(impl Serialize + fmt::Display)) -> Outcome<String> {
        Ok(if self.json { serde_json::to_string_pretty(result)? } else { result.to_string() })
    }
}
