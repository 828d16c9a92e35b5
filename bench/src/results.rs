//! What was measured, as data.

use crate::instructions::Instructions;
use crate::machine::Machine;
use crate::rounds::{Comparison, Plan, Spread};
use crate::token::Token;
use serde::Serialize;
use std::collections::BTreeMap;

/// One run.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The machine it ran on.
    pub machine: Machine,
    /// How long and how hard.
    pub plan: Plan,
    /// What the floor needs for an opaque token, in microseconds of CPU.
    pub opaque_floor: Spread,
    /// Costs of scenarios.
    pub rows: Vec<Row>,
    /// Wall-clock times of an ES256 token of the product.
    pub latency: Latency,
    /// From spawn to first token.
    pub start: Start,
    /// Memory of the product.
    pub resident: Resident,
    /// Tokens while the password pool is full.
    pub flood: Option<Flood>,
    /// How the owner of an account is served during attacks.
    pub sieges: Vec<Siege>,
    /// What four hostile addresses cost others.
    pub stalls: Vec<Stall>,
    /// What a user with a pile of records costs others.
    pub pile: Option<Pile>,
    /// The product's binary in bytes.
    pub size: u64,
}

/// What a scenario found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The scenario and its variant.
    pub name: String,
    /// Costs.
    #[serde(flatten)]
    pub costs: Comparison,
}

/// p50 and p99 of a token, in microseconds.
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
    /// The product's, RS256, with its store and keys made before.
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

/// What a flood of sign-ins costs those who get tokens meanwhile.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Flood {
    /// CPU time of a token while nobody signs in, in microseconds.
    pub idle: Spread,
    /// CPU time of a token while the password pool is full all the time: what the threads that don't hash need,
    /// less what they need for the sign-ins alone.
    pub flooded: Spread,
    /// The ratio of the two, round by round.
    pub ratio: Spread,
    /// p50 of a token in microseconds: idle, flooded.
    pub p50: (f64, f64),
    /// p99 of a token in microseconds: idle, flooded.
    pub p99: (f64, f64),
    /// The most tokens that waited at once, in the median round: idle, flooded.
    pub waiting: (f64, f64),
    /// The same in a flood that overflows.
    pub waiting_in_overflow: u32,
    /// Sign-ins a second when the pool is full.
    pub logins: f64,
    /// Sign-ins and refusals (503) of the flood that overflows.
    pub overflow: (u32, u32),
    /// Peak memory of the server, in bytes.
    pub peak: u64,
}

/// What an attack did to the owner of an account.
#[derive(Clone, Debug, Serialize)]
pub struct Siege {
    /// The name of the attack.
    pub name: &'static str,
    /// How often the owner was served.
    pub served: u32,
    /// How often the owner was refused.
    pub refused: u32,
    /// The owner's share of all sign-ins as a multiple of an equal share for each network, where networks compete.
    pub share: Option<f64>,
    /// Answers to the attackers, by status; 303 is a sign-in.
    pub meanwhile: BTreeMap<u16, u32>,
}

/// What stalled connections of one kind cost others.
#[derive(Clone, Debug, Serialize)]
pub struct Stall {
    /// What the connections leave unfinished.
    pub way: &'static str,
    /// CPU time of a token before they are opened, in microseconds.
    pub before: Spread,
    /// CPU time of a token while they are held.
    pub meanwhile: Spread,
    /// The ratio of the two, round by round.
    pub ratio: Spread,
    /// Peak memory of the server, in bytes.
    pub peak: u64,
}

/// What a user's pile of records costs others.
#[derive(Clone, Debug, Serialize)]
pub struct Pile {
    /// CPU time of another user's flow in microseconds, while nobody asks for the account.
    pub idle: Spread,
    /// The same while six connections ask for the account: the server's total, less what the account alone costs.
    pub meanwhile: Spread,
    /// The ratio of the two, round by round.
    pub ratio: Spread,
    /// The ratio of the writer thread, which works for the other users only.
    pub writer: Spread,
    /// p50 of the flows in microseconds: idle, meanwhile.
    pub p50: (f64, f64),
    /// p99 of the flows: idle; while as many connections ask for an ordinary account; meanwhile.
    pub p99: (f64, f64, f64),
    /// The last divided by the one before it: what the pile costs, not the number of requests.
    pub p99_ratio: f64,
    /// Flows of other users a second, of the 100 that are due: idle, meanwhile.
    pub per_second: (f64, f64),
    /// Account pages a second meanwhile, and requests for them that are refused (503).
    pub asked: (f64, f64),
    /// p99 and maximum of the flows while callers hang up, in microseconds. None is refused.
    pub hanging_up: (f64, f64),
    /// The account page in bytes.
    pub page: usize,
    /// Peak memory of the server, in bytes.
    pub peak: u64,
    /// How long the owner needs to sign in, and to sign out, in milliseconds.
    pub in_and_out: (f64, f64),
}

impl Results {
    /// Cost of a scenario as a multiple of the floor's; NaN if it was not run.
    pub fn ratio(&self, name: &str) -> f64 {
        self.row(name).map_or(f64::NAN, |row| row.costs.ratio.median)
    }

    /// What the floor needs for an ES256 token in microseconds: the speed of this machine.
    pub fn floor_es256(&self) -> f64 {
        self.row("S1 ES256").map_or(f64::NAN, |row| row.costs.floor.median)
    }

    /// What the product would need for an opaque token as a multiple of the floor's cost: HTTP, authentication and
    /// form, without the signature, which costs both the same.
    pub fn besides_signing(&self) -> f64 {
        let more = self.row("S1 EdDSA").map(|row| row.costs.product.median - row.costs.floor.median);
        more.map_or(f64::NAN, |more| 1.0 + more / self.opaque_floor.median)
    }

    /// What a scenario costs, in microseconds of CPU; NaN if it was not run.
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

/// Instructions of all kinds of token.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// One entry for each kind.
    pub kinds: Vec<Counted>,
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

/// The name of the count of keys in an envelope of KMS; its floor is the product with a file.
pub const ENVELOPE: &str = "envelope";
/// The name of the count of a key that stays in KMS; its floor makes the same call.
pub const SIGN: &str = "kms-sign";

impl Counts {
    /// The instructions of a kind of token.
    pub fn of(&self, token: Token) -> Option<&Counted> {
        self.named(token.as_str())
    }

    /// The instructions of a kind by its name.
    pub fn named(&self, name: &str) -> Option<&Counted> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}
