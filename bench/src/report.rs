//! What was measured, for people and for programs.

use crate::budget::Budget;
use crate::instructions::Instructions;
use crate::machine::Machine;
use crate::rounds::{Plan, Spread};
use crate::scenario::Row;
use crate::scenario::pile::Pile;
use crate::scenario::s3::Flood;
use crate::scenario::s9::Siege;
use crate::scenario::s10::Stall;
use crate::token::Token;
use serde::Serialize;
use std::fmt;

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// On what.
    pub machine: Machine,
    /// How.
    pub plan: Plan,
    /// What the floor needs for an opaque token, in microseconds of CPU.
    pub opaque_floor: Spread,
    /// Costs of scenarios.
    pub rows: Vec<Row>,
    /// Times on the clock, of an ES256 token of the product.
    pub latency: Latency,
    /// From spawn to first token.
    pub start: Start,
    /// Memory of the product.
    pub resident: Resident,
    /// Tokens while the password pool is full.
    pub flood: Option<Flood>,
    /// What the owner of an account gets during attacks.
    pub sieges: Vec<Siege>,
    /// What four addresses do that take all they may.
    pub stalls: Vec<Stall>,
    /// Others while somebody asks for an account with a pile.
    pub pile: Option<Pile>,
    /// The product's binary in bytes.
    pub size: u64,
    /// What all that means.
    pub budgets: Vec<Budget>,
}

/// In microseconds: half of the tokens take less, all but a hundredth take less.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// On one connection.
    pub alone: (f64, f64),
    /// On all of them, at half the rate that would use up a core.
    pub half_load: (f64, f64),
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Start {
    /// The floor's, which makes an ES256 key.
    pub floor: Spread,
    /// The product's, RS256, store and keys being there.
    pub product: Spread,
}

/// In bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Resident {
    /// One token after the start.
    pub idle: u64,
    /// After all scenarios.
    pub loaded: u64,
}

impl Report {
    /// Costs of a scenario over the floor's; not a number if it was not run.
    pub fn ratio(&self, name: &str) -> f64 {
        self.row(name).map_or(f64::NAN, |row| row.costs.ratio.median)
    }

    /// This machine's speed: what the floor needs for an ES256 token, in microseconds.
    pub fn floor_es256(&self) -> f64 {
        self.row("S1 ES256").map_or(f64::NAN, |row| row.costs.floor.median)
    }

    /// What the product would need for an opaque token, over what the floor needs: HTTP, authentication and
    /// form, without the signature that both make alike.
    pub fn besides_signing(&self) -> f64 {
        let more = self.row("S1 EdDSA").map(|row| row.costs.product.median - row.costs.floor.median);
        more.map_or(f64::NAN, |more| 1.0 + more / self.opaque_floor.median)
    }

    /// What a scenario costs, in microseconds of CPU; not a number if it was not run.
    pub fn micros(&self, name: &str) -> f64 {
        self.row(name).map_or(f64::NAN, |row| row.costs.product.median)
    }

    /// Whether a scenario was run.
    pub fn has(&self, name: &str) -> bool {
        self.row(name).is_some()
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, plan, opaque_floor, rows, latency, start, .. } = self;
        write!(f, "{} cores, {}, ", machine.cores, machine.arch)?;
        match machine.pinned {
            Some((server, driver)) => write!(f, "server on core {server}, driver on core {driver}")?,
            None => write!(f, "not pinned (one core, or no taskset)")?,
        }
        let Plan { rounds, time, connections } = plan;
        writeln!(f, "; {rounds} rounds of {} s, {connections} connections\n", time.as_secs_f64())?;
        writeln!(f, "{:<13} {:>27} {:>27} {:>20}  busy", "CPU µs", "floor", "product", "ratio")?;
        writeln!(f, "{:<13} {:>27}", "S1 opaque", micros(opaque_floor))?;
        for Row { name, costs } in rows {
            let (floor, product, ratio) = (micros(&costs.floor), micros(&costs.product), &costs.ratio);
            let ratio = format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.min, ratio.max);
            let busy = format!("{:.0} %, {:.0} %", costs.busy.0 * 100.0, costs.busy.1 * 100.0);
            writeln!(f, "{name:<13} {floor:>27} {product:>27} {ratio:>20}  {busy}")?;
        }
        let of = |(p50, p99): (f64, f64)| format!("p50 {p50:.0} µs, p99 {p99:.0} µs");
        writeln!(f, "\nES256, one connection: {}", of(latency.alone))?;
        writeln!(f, "ES256, half load:      {}", of(latency.half_load))?;
        if machine.contended {
            writeln!(f, "(contended: too few cores for times on the clock to mean much)")?;
        }
        self.flood.as_ref().map_or(Ok(()), |flood| write!(f, "{flood}"))?;
        self.sieges.iter().try_for_each(|siege| writeln!(f, "{siege}"))?;
        self.stalls.iter().try_for_each(|stall| write!(f, "{stall}"))?;
        self.pile.as_ref().map_or(Ok(()), |pile| write!(f, "{pile}"))?;
        let of = |spread: &Spread| format!("{:.1} ms (least {:.1})", spread.median, spread.min);
        writeln!(f, "spawn to first token: {}; floor {}\n", of(&start.product), of(&start.floor))?;
        self.budgets.iter().try_for_each(|budget| writeln!(f, "{budget}"))
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { idle, flooded, p50, p99, waiting, waiting_in_overflow, logins, overflow, .. } = self;
        writeln!(f, "\nwhile people sign in, {logins:.1} a second:")?;
        writeln!(f, "  CPU µs of a token:  idle {}, meanwhile {}", micros(idle), micros(flooded))?;
        writeln!(f, "  p50 of a token:     idle {:.0} µs, meanwhile {:.0} µs", p50.0, p50.1)?;
        writeln!(f, "  p99 of a token:     idle {:.0} µs, meanwhile {:.0} µs", p99.0, p99.1)?;
        let overflowing = waiting_in_overflow;
        writeln!(
            f,
            "  waiting at most:    idle {}, meanwhile {}, overflowing {overflowing}",
            waiting.0, waiting.1
        )?;
        let (done, refused) = overflow;
        writeln!(f, "  overflowing:        {done} signed in, {refused} refused, no token refused\n")
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, before, meanwhile, ratio, peak } = self;
        let (before, meanwhile, peak) = (micros(before), micros(meanwhile), peak / 1024 / 1024);
        let Spread { median, min, max } = ratio;
        writeln!(
            f,
            "S10 {way}: CPU µs of a token {before}, meanwhile {meanwhile}, {median:.2} × ({min:.2} to {max:.2}); {peak} MiB"
        )
    }
}

impl fmt::Display for Siege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, served, refused, share, meanwhile } = self;
        write!(f, "{name}: {served} served, {refused} refused")?;
        share.map_or(Ok(()), |share| write!(f, ", {share:.2} of an equal share"))?;
        write!(f, "; to the others:")?;
        meanwhile.iter().try_for_each(|(status, count)| write!(f, " {count} × {status}"))
    }
}

impl fmt::Display for Pile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { idle, meanwhile, ratio, writer, p50, p99, p99_ratio, per_second, .. } = self;
        let (pages, refused) = self.asked;
        writeln!(
            f,
            "\nwhile somebody asks for an account with a pile ({pages:.0} pages, {refused:.0} refused a second):"
        )?;
        writeln!(f, "  CPU µs of others:   idle {}, meanwhile {}", micros(idle), micros(meanwhile))?;
        writeln!(f, "  ratio:              {}; of the writing thread {}", times(ratio), times(writer))?;
        writeln!(f, "  p50 of others:      idle {:.0} µs, meanwhile {:.0} µs", p50.0, p50.1)?;
        let (idle, ordinary, meanwhile) = p99;
        writeln!(
            f,
            "  p99 of others:      idle {idle:.0} µs, an ordinary account {ordinary:.0} µs, meanwhile {meanwhile:.0} µs"
        )?;
        writeln!(f, "  over the ordinary:  {p99_ratio:.2} ×")?;
        writeln!(f, "  others a second:    idle {:.1}, meanwhile {:.1}", per_second.0, per_second.1)?;
        let (p99, most) = self.hanging_up;
        writeln!(f, "  callers hang up:    p99 {p99:.0} µs, at most {most:.0} µs, none refused")?;
        let (signing_in, signing_out) = self.in_and_out;
        writeln!(f, "  the owner:          signs in in {signing_in:.0} ms, out in {signing_out:.0} ms\n")
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, measured, must, aim } = self;
        let verdict = if self.is_kept() { "kept  " } else { "MISSED" };
        write!(f, "{verdict} {name:<27} {measured:>8.2} {unit:<7} must {must:.2}, aim {aim:.2}")
    }
}

/// Instructions of all kinds of token.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Each kind.
    pub kinds: Vec<Counted>,
    /// What that means.
    pub budgets: Vec<Budget>,
}

/// Instructions of a kind of token.
#[derive(Debug, Serialize)]
pub struct Counted {
    /// The kind.
    pub name: &'static str,
    /// The floor's.
    pub floor: Instructions,
    /// The product's, if it issues that kind.
    pub product: Option<Instructions>,
}

impl Counts {
    /// Those of a kind of token.
    pub fn of(&self, token: Token) -> Option<&Counted> {
        self.kinds.iter().find(|kind| kind.name == token.as_str())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<13} {:>12} {:>12}", "instructions", "floor", "product")?;
        for Counted { name, floor, product } in &self.kinds {
            write!(f, "{name:<13} {:>12}", floor.request)?;
            product.map_or(Ok(()), |product| write!(f, " {:>12}", product.request))?;
            writeln!(f)?;
        }
        writeln!(f)?;
        self.budgets.iter().try_for_each(|budget| writeln!(f, "{budget}"))
    }
}

fn times(spread: &Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", spread.median, spread.min, spread.max)
}

fn micros(spread: &Spread) -> String {
    format!("{:.1} ({:.1} to {:.1})", spread.median, spread.min, spread.max)
}
