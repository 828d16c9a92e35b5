//! A whole run, in order: start-up with all cores, then each scenario with one core for the server and one for the
//! driver.

use crate::budget::of_run;
use crate::connection::Connection;
use crate::load::Flow as _;
use crate::machine::Machine;
use crate::product::{Client, Product};
use crate::report::Report;
use crate::results::{Resident, Results, Row, Start};
use crate::rounds::Plan;
use crate::runner::Runner;
use crate::scenario::testbed::{PASSWORD, Testbed, USERNAME};
use crate::scenario::{pile, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11};
use crate::server::Server;
use crate::token::Token;
use crate::{Outcome, floor, startup};
use std::path::Path;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Effort {
    /// How long and how hard.
    pub plan: Plan,
    /// How often each server is started.
    pub starts: usize,
    /// Names of scenarios; all, if none. S1 is always among them: it shows how fast the machine is.
    pub only: Vec<String>,
}

impl Effort {
    fn wants(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|own| own.eq_ignore_ascii_case(scenario))
    }
}

/// Measures a binary.
pub async fn measure(program: &Path, effort: &Effort) -> Outcome<Report> {
    let product = Product::install(program, &[])?;
    product.create_user(USERNAME, PASSWORD)?;
    let [eddsa, es256, rs256] = Token::SIGNED.map(|token| s1::client(&product, token));
    let (eddsa, es256, rs256) = (eddsa?, es256?, rs256?);
    // Started with all cores, measured with one.
    let start = starting(&product, &rs256, effort.starts).await?;
    let machine = Machine::claim()?;
    let server = product.serve(&machine.runner())?;
    s1::ask(&server, &rs256).once(&mut Connection::open(server.address).await?).await?;
    let (plan, idle) = (effort.plan, server.resident()?);
    let testbed = Testbed { machine: &machine, product: &product, server: &server, plan };
    let opaque_floor = s1::opaque_floor(&machine, plan).await?;
    let clients = [(Token::EdDSA, eddsa), (Token::ES256, es256.clone()), (Token::RS256, rs256)];
    let mut rows = s1::run(&testbed, &clients).await?;
    let latency = s1::latency(&server, &es256, plan).await?;
    rows.extend(with_defaults(&testbed, effort, &es256).await?);
    let resident = Resident { idle, loaded: server.resident()? };
    drop(server);
    let mut results = Results {
        plan,
        opaque_floor,
        latency,
        start,
        resident,
        flood: None,
        sieges: Vec::new(),
        stalls: Vec::new(),
        pile: None,
        size: product.size()?,
        machine,
        rows,
    };
    with_settings(program, effort, &mut results).await?;
    Ok(Report { budgets: of_run(&results), results })
}

/// The scenarios that run on the product's defaults.
async fn with_defaults(testbed: &Testbed<'_>, effort: &Effort, machine: &Client) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    if effort.wants("S2") {
        rows.push(s2::run(testbed).await?);
    }
    if effort.wants("S5") {
        rows.extend(s5::run(testbed, machine).await?);
    }
    if effort.wants("S6") {
        rows.push(s6::run(testbed).await?);
    }
    if effort.wants("S7") {
        rows.extend(s7::run(testbed).await?);
    }
    if effort.wants("S8") {
        rows.push(s8::run(testbed, machine).await?);
    }
    Ok(rows)
}

/// The scenarios that need settings or an installation of their own.
async fn with_settings(program: &Path, effort: &Effort, results: &mut Results) -> Outcome<()> {
    let (machine, plan) = (&results.machine.clone(), effort.plan);
    if effort.wants("S10") {
        let product = &install(program, &[])?;
        let client = s1::client(product, Token::ES256)?;
        results.stalls = s10::run(product, machine, &client, plan).await?;
    }
    if effort.wants("S4") {
        let product = &install(program, s4::SETTINGS)?;
        let server = &product.serve(&machine.runner())?;
        results.rows.extend(s4::run(&Testbed { machine, product, server, plan }).await?);
    }
    if effort.wants("S3") {
        let product = &install(program, s3::SETTINGS)?;
        let (person, client) = (s2::client(product, "application")?, s1::client(product, Token::ES256)?);
        let server = &product.serve(&machine.runner())?;
        let flood = s3::flood(&Testbed { machine, product, server, plan }, &person, &client).await?;
        results.flood = Some(flood);
        results.rows.push(s3::run(&Testbed { machine, product, server, plan }, &person).await?);
    }
    if effort.wants("S9") {
        let product = &install(program, &[])?;
        results.sieges = s9::run(product, &machine.runner(), plan).await?;
    }
    if effort.wants("S11") {
        results.rows.extend(s11::run(program, machine, plan).await?);
    }
    if effort.wants("pile") {
        results.pile = Some(pile::run(&install(program, &[])?, machine, plan).await?);
    }
    Ok(())
}

fn install(program: &Path, settings: &'static [(&'static str, &'static str)]) -> Outcome<Product> {
    let product = Product::install(program, settings)?;
    product.create_user(USERNAME, PASSWORD)?;
    Ok(product)
}

async fn starting(product: &Product, client: &Client, times: usize) -> Outcome<Start> {
    let start_floor = || floor::start(&Runner::Plain, Token::ES256);
    let floor = startup::first_tokens(times, start_floor, s1::ask_floor).await?;
    let start = || product.serve(&Runner::Plain);
    let product = startup::first_tokens(times, start, |server: &Server| s1::ask(server, client)).await?;
    Ok(Start { floor, product })
}
