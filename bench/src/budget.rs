//! Budgets: what a release must keep, and what it aims for. The numbers hold on the machine that they were set
//! on, where the floor's ES256 token costs 31 µs; times elsewhere are scaled by this machine's own floor, and the
//! cost of a request is a ratio to the floor in the first place.

use crate::report::{Counts, Report};
use crate::token::Token;
use serde::Serialize;

/// What the floor's ES256 token costs on the machine the budgets were set on, in microseconds.
const REFERENCE_FLOOR: f64 = 31.0;

/// One budget, and where we stand.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Budget {
    /// Of what.
    pub name: &'static str,
    /// In what.
    pub unit: &'static str,
    /// Where we stand.
    pub measured: f64,
    /// At most this.
    pub must: f64,
    /// Better this.
    pub aim: f64,
}

impl Budget {
    /// Whether it is kept. What could not be measured is not.
    pub fn is_kept(&self) -> bool {
        self.measured <= self.must
    }
}

/// Those of a run.
pub fn of_run(report: &Report) -> Vec<Budget> {
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    let ratio = |name, must, aim| budget(name, "× floor", report.ratio(name), must, aim);
    let scale = report.floor_es256() / REFERENCE_FLOOR;
    vec![
        ratio("S1 EdDSA", 1.8, 1.2),
        ratio("S1 ES256", 1.6, 1.2),
        ratio("S1 RS256", 1.13, 1.06),
        budget("S1 besides signing", "× floor", report.besides_signing(), 2.0, 1.3),
        ratio("S7 JWKS", 1.6, 1.1),
        budget("spawn to first token", "ms", report.start.product.median, 40.0 * scale, 15.0 * scale),
        budget("resident, idle", "MiB", mebibytes(report.resident.idle), 25.0, 14.0),
        budget("resident, after load", "MiB", mebibytes(report.resident.loaded), 40.0, 20.0),
        budget("binary", "MB", number(report.size) / 1e6, 15.0, 8.0),
    ]
}

/// Those of instructions: the ones that hold on any machine.
pub fn of_instructions(counts: &Counts) -> Vec<Budget> {
    let product = |token| counts.of(token).and_then(|kind| kind.product);
    let request = |token| product(token).map_or(f64::NAN, |product| number(product.request) / 1e3);
    let floor = |token| counts.of(token).map_or(f64::NAN, |kind| number(kind.floor.request) / 1e3);
    let besides = request(Token::EdDSA) - floor(Token::EdDSA) + floor(Token::Opaque);
    let start = product(Token::ES256).map_or(f64::NAN, |product| number(product.start) / 1e6);
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    vec![
        budget("besides signing", "k", besides, 75.0, 47.0),
        budget("a token, EdDSA", "k", request(Token::EdDSA), 200.0, 188.0),
        budget("a token, ES256", "k", request(Token::ES256), 300.0, 298.0),
        budget("start", "M", start, 60.0, 30.0),
    ]
}

fn mebibytes(count: u64) -> f64 {
    number(count) / 1024.0 / 1024.0
}

/// Counts here are far below where a float becomes coarse.
fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_kept() {
        let budget = |measured| Budget { name: "", unit: "", measured, must: 1.6, aim: 1.2 };
        assert!(budget(1.6).is_kept());
        assert!(!budget(1.61).is_kept());
        assert!(!budget(f64::NAN).is_kept());
    }
}
