//! What was measured and what it means, for people and for programs.

use crate::budget::Budget;
use crate::results::{Counted, Counts, Flood, Pile, Results, Row, Siege, Stall};
use crate::rounds::{Plan, Spread};
use serde::Serialize;
use std::fmt;

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was measured.
    #[serde(flatten)]
    pub results: Results,
    /// What that means.
    pub budgets: Vec<Budget>,
}

/// Instructions of all kinds of token.
#[derive(Debug, Serialize)]
pub struct CountsReport {
    /// What was counted.
    #[serde(flatten)]
    pub counts: Counts,
    /// What that means.
    pub budgets: Vec<Budget>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let results = &self.results;
        let Results { machine, plan, opaque_floor, rows, latency, start, .. } = results;
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
        results.flood.as_ref().map_or(Ok(()), |flood| write!(f, "{flood}"))?;
        results.sieges.iter().try_for_each(|siege| writeln!(f, "{siege}"))?;
        results.stalls.iter().try_for_each(|stall| write!(f, "{stall}"))?;
        results.pile.as_ref().map_or(Ok(()), |pile| write!(f, "{pile}"))?;
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

impl fmt::Display for CountsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<13} {:>12} {:>12}", "instructions", "floor", "product")?;
        for Counted { name, floor, product } in &self.counts.kinds {
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
