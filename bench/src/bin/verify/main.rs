//! `verify`: what an API's check of a token costs in CPU time, compared with the bare check of its signature.
//!
//! All verifiers check the same tokens one after another on one thread, and take turns in each round, so that whatever else
//! the machine does affects them alike.

mod subjects;
mod tokens;

use bench::Outcome;
use bench::rounds::Spread;
use bench::server::cpu_of;
use clap::Parser;
use serde::Serialize;
use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use subjects::{Subject, node};
use tokens::Issued;

/// What verifying a token may cost, as a multiple of the bare check of its signature.
const BUDGET: f64 = 1.2;

/// Measures guard and other verifiers; fails if guard misses its budget.
#[derive(Debug, Parser)]
struct Cli {
    /// Rounds, all verifiers in turn
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// CPU milliseconds of each verifier in a round
    #[arg(long, default_value_t = 100)]
    milliseconds: u64,
    /// Also measure aws-jwt-verify, installed by npm in this folder (needs Node.js)
    #[arg(long, value_name = "FOLDER")]
    aws_jwt_verify: Option<PathBuf>,
    /// Algorithms, as `ES256,RS256`; all if left out
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A verifier with one algorithm.
#[derive(Debug, Serialize)]
struct Row {
    alg: &'static str,
    verifier: &'static str,
    /// CPU time of one token, in microseconds.
    micros: Spread,
    /// As a multiple of the bare check, round by round.
    ratio: Spread,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _nobody_reads = writeln!(stderr(), "verify: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether guard keeps its budget with every algorithm.
fn run(cli: &Cli) -> Outcome<bool> {
    let mut rows = Vec::new();
    let is_wanted = |alg: &str| cli.only.is_empty() || cli.only.iter().any(|only| only == alg);
    for issued in tokens::issue()?.into_iter().filter(|issued| is_wanted(issued.alg)) {
        rows.extend(measure(cli, &issued)?);
    }
    let is_kept = |row: &Row| row.verifier != subjects::GUARD || row.ratio.median <= BUDGET;
    if cli.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&rows)?)?;
    } else {
        writeln!(stdout(), "{:<6} {:<15} {:>8}  ratio", "", "", "CPU µs")?;
        for Row { alg, verifier, micros, ratio } in &rows {
            let Spread { median, min, max } = ratio;
            let micros = micros.median;
            writeln!(stdout(), "{alg:<6} {verifier:<15} {micros:>8.2}  {median:.2} ({min:.2} to {max:.2})")?;
        }
    }
    Ok(rows.iter().all(is_kept))
}

/// The CPU time of this thread until now.
fn spent() -> Outcome<Duration> {
    cpu_of(&[PathBuf::from("/proc/thread-self")])
}

fn measure(cli: &Cli, issued: &Issued) -> Outcome<Vec<Row>> {
    let time = Duration::from_millis(cli.milliseconds);
    let mut subjects = subjects::all(issued)?;
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); subjects.len()];
    for round in 0..=cli.rounds {
        for (subject, costs) in subjects.iter_mut().zip(&mut costs) {
            let cost = cost_of(subject, issued, time)?;
            // The first round only warms up.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let mut named: Vec<_> = subjects.iter().map(|subject| subject.name).zip(costs).collect();
    if let Some(folder) = cli.aws_jwt_verify.as_ref().filter(|_| subjects::NODE.contains(&issued.alg)) {
        named.push(("aws-jwt-verify", node(folder, issued, cli.rounds, time)?));
    }
    let bare = named.first().map(|(_, costs)| costs.clone()).unwrap_or_default();
    let row = |(verifier, costs): (&'static str, Vec<f64>)| {
        let ratios: Vec<_> = costs.iter().zip(&bare).map(|(cost, bare)| cost / bare).collect();
        Row {
            alg: issued.alg,
            verifier,
            micros: Spread::of(costs.into_iter()),
            ratio: Spread::of(ratios.into_iter()),
        }
    };
    Ok(named.into_iter().map(row).collect())
}

/// The CPU time of one token, in microseconds.
fn cost_of(subject: &mut Subject, issued: &Issued, time: Duration) -> Outcome<f64> {
    let (began, mut count) = (spent()?, 0_u32);
    loop {
        for token in 0..issued.tokens.len() {
            (subject.verify)(token).ok_or_else(|| format!("{} refused a token", subject.name))?;
            count += 1;
        }
        let spent = spent()?.saturating_sub(began);
        if spent >= time {
            return Ok(spent.as_secs_f64() * 1e6 / f64::from(count));
        }
    }
}
