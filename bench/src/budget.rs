//! Budgets: what a release must keep, and what it aims for. The numbers hold on the machine that they were set
//! on, where the floor's ES256 token costs 31 µs; times elsewhere are scaled by this machine's own floor, and the
//! cost of a request is a ratio to the floor in the first place.

use crate::results::{Counts, ENVELOPE, Flood, Pile, Results, SIGN, Siege, Stall};
use crate::scenario::s3::TOKENS;
use crate::token::Token;
use serde::Serialize;
use std::{fmt, iter};

/// What the floor's ES256 token costs on the machine the budgets were set on, in microseconds.
const REFERENCE_FLOOR: f64 = 31.0;

/// How many more tokens may wait at once while users sign in than otherwise: those of a tenth of a second.
const MOST_WAITING: f64 = TOKENS / 10.0;

/// One budget, and what was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Budget {
    /// What it limits.
    pub name: &'static str,
    /// The unit.
    pub unit: &'static str,
    /// What was measured.
    pub measured: f64,
    /// The limit that a release must meet.
    pub must: f64,
    /// The value to aim for.
    pub aim: f64,
}

impl Budget {
    /// Whether it is met. What could not be measured is not.
    pub fn is_kept(&self) -> bool {
        self.measured <= self.must
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, measured, must, aim } = self;
        let verdict = if self.is_kept() { "kept  " } else { "MISSED" };
        write!(f, "{verdict} {name:<27} {measured:>8.2} {unit:<7} must {must:.2}, aim {aim:.2}")
    }
}

/// The budgets of a run.
pub fn of_run(results: &Results) -> Vec<Budget> {
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    let scale = results.floor_es256() / REFERENCE_FLOOR;
    let start = results.start.product.median;
    let mut budgets = vec![
        budget("S1 besides signing", "× floor", results.besides_signing(), 2.0, 1.3),
        budget("spawn to first token", "ms", start, 40.0 * scale, 15.0 * scale),
        budget("resident, idle", "MiB", mebibytes(results.resident.idle), 25.0, 14.0),
        budget("resident, after load", "MiB", mebibytes(results.resident.loaded), 40.0, 20.0),
        budget("binary", "MB", number(results.size) / 1e6, 20.0, 12.0),
    ];
    budgets.extend(ratios(results));
    budgets.extend(times(results, scale));
    budgets.extend(results.flood.iter().flat_map(of_flood));
    budgets.extend(results.sieges.iter().flat_map(of_siege));
    if !results.stalls.is_empty() {
        budgets.extend(of_stalls(&results.stalls));
    }
    budgets.extend(results.pile.iter().flat_map(of_pile));
    budgets
}

/// Costs as multiples of the floor's: the same on any machine.
fn ratios(results: &Results) -> impl Iterator<Item = Budget> {
    let ratios = [
        ("S1 EdDSA", 1.8, 1.2),
        ("S1 ES256", 1.6, 1.2),
        ("S1 RS256", 1.13, 1.06),
        // With an envelope the same work as with a file; that it is no more is counted in instructions.
        ("S11 envelope", 1.1, 1.02),
        ("S11 sign", 1.2, 1.1),
        // 90 and 97 percent of the raw rate.
        ("S3 login", 1.0 / 0.9, 1.0 / 0.97),
    ];
    let ran = ratios.into_iter().filter(|(name, ..)| results.has(name));
    ran.map(|(name, must, aim)| Budget { name, unit: "× floor", measured: results.ratio(name), must, aim })
}

/// Costs in microseconds, scaled by the speed of this machine.
fn times(results: &Results, scale: f64) -> impl Iterator<Item = Budget> {
    let times = [
        ("S2 code flow", 1100.0, 550.0),
        ("S4 refresh", 140.0, 105.0),
        // No more than a refresh that succeeds.
        ("S4 replay", results.micros("S4 refresh") / scale, 40.0),
        // A token, and the first introspection of it.
        ("S5 first", 50.0 + 95.0, 37.0 + 95.0),
        ("S5 active", 95.0, 25.0),
        ("S5 revoked", 95.0, 25.0),
        ("S5 garbage", 40.0, 20.0),
        ("S7 JWKS", 16.0, 11.0),
        ("S7 304", 16.0, 11.0),
        ("S7 metadata", 16.0, 11.0),
    ];
    let ran = times.into_iter().filter(|(name, ..)| results.has(name));
    let scaled = move |(name, must, aim)| (name, must * scale, aim * scale);
    ran.map(scaled).map(|(name, must, aim)| Budget {
        name,
        unit: "µs",
        measured: results.micros(name),
        must,
        aim,
    })
}

/// How much sign-ins may slow tokens down.
fn of_flood(flood: &Flood) -> [Budget; 3] {
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    let (idle, meanwhile) = flood.waiting;
    let waiting = (meanwhile - idle).max(0.0);
    [
        budget("S3 a token meanwhile", "× idle", flood.ratio.median, 2.0, 1.2),
        budget("S3 more tokens waiting", "", waiting, MOST_WAITING, MOST_WAITING / 4.0),
        budget("resident, signing in", "MiB", mebibytes(flood.peak), 40.0, 20.0),
    ]
}

/// During an attack the owner is never refused, and gets at least half of an equal share.
fn of_siege(siege: &Siege) -> impl Iterator<Item = Budget> {
    let refused = if siege.served == 0 { f64::NAN } else { f64::from(siege.refused) };
    let (name, share) = (siege.name, siege.share);
    let shared =
        share.map(|share| Budget { name, unit: "shares", measured: 1.0 / share, must: 2.0, aim: 1.2 });
    iter::once(Budget { name, unit: "refused", measured: refused, must: 0.0, aim: 0.0 }).chain(shared)
}

/// How much four hostile addresses may slow others down, in the worst of their ways.
fn of_stalls(stalls: &[Stall]) -> [Budget; 2] {
    let worst = |of: fn(&Stall) -> f64| stalls.iter().map(of).fold(0.0, f64::max);
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    [
        budget("S10 a token meanwhile", "× before", worst(|stall| stall.ratio.median), 1.2, 1.1),
        budget("resident, stalled", "MiB", worst(|stall| mebibytes(stall.peak)), 64.0, 48.0),
    ]
}

/// How much one user's pile of records may slow others down.
fn of_pile(pile: &Pile) -> [Budget; 5] {
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    let page = u32::try_from(pile.page).map_or(f64::INFINITY, f64::from) / 1e3;
    [
        budget("pile, others meanwhile", "× idle", pile.ratio.median, 1.2, 1.0),
        budget("pile, writes meanwhile", "× idle", pile.writer.median, 1.2, 1.0),
        budget("pile, p99 meanwhile", "× ordinary", pile.p99_ratio, 1.2, 1.0),
        budget("pile, account page", "kB", page, 100.0, 60.0),
        budget("resident, pile", "MiB", mebibytes(pile.peak), 48.0, 40.0),
    ]
}

/// The budgets of instructions, which are the same on any machine.
pub fn of_instructions(counts: &Counts) -> Vec<Budget> {
    let product = |token| counts.of(token).and_then(|kind| kind.product);
    let request = |token| product(token).map_or(f64::NAN, |product| number(product.request) / 1e3);
    let floor = |token| counts.of(token).map_or(f64::NAN, |kind| number(kind.floor.request) / 1e3);
    let besides = request(Token::EdDSA) - floor(Token::EdDSA) + floor(Token::Opaque);
    let start = product(Token::ES256).map_or(f64::NAN, |product| number(product.start) / 1e6);
    let budget = |name, unit, measured, must, aim| Budget { name, unit, measured, must, aim };
    let ratio = |name| {
        let counted = counts.named(name).and_then(|kind| Some((kind.product?, kind.floor)));
        counted.map_or(f64::NAN, |(product, floor)| number(product.request) / number(floor.request))
    };
    vec![
        budget("a token, envelope", "× file", ratio(ENVELOPE), 1.02, 1.0),
        budget("a token, kms-sign", "× floor", ratio(SIGN), 1.2, 1.1),
        budget("besides signing", "k", besides, 75.0, 47.0),
        budget("a token, EdDSA", "k", request(Token::EdDSA), 200.0, 188.0),
        budget("a token, ES256", "k", request(Token::ES256), 300.0, 298.0),
        budget("start", "M", start, 60.0, 30.0),
    ]
}

fn mebibytes(count: u64) -> f64 {
    number(count) / 1024.0 / 1024.0
}

/// Counts here are far below where a float loses precision.
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
