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

/// What a flood of sign-ins does.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Flood {
    /// CPU time of a token while nobody signs in, in microseconds.
    pub idle: Spread,
    /// CPU time of a token while the password pool is full all the time: what the threads that don't hash need,
    /// less what they need for the sign-ins alone.
    pub flooded: Spread,
    /// The one over the other, round by round.
    pub ratio: Spread,
    /// Half of the tokens take less, in microseconds: idle, flooded.
    pub p50: (f64, f64),
    /// All but a hundredth take less.
    pub p99: (f64, f64),
    /// Tokens that waited at once, at most in a middling round: idle, flooded.
    pub waiting: (f64, f64),
    /// The same in a flood that overflows.
    pub waiting_in_overflow: u32,
    /// Sign-ins a second when the pool is full.
    pub logins: f64,
    /// Sign-ins and refusals (503) of the flood that overflows.
    pub overflow: (u32, u32),
    /// The most memory that all this ever took, in bytes.
    pub peak: u64,
}

/// What an attack did.
#[derive(Clone, Debug, Serialize)]
pub struct Siege {
    /// Which.
    pub name: &'static str,
    /// How often the owner was served.
    pub served: u32,
    /// How often not.
    pub refused: u32,
    /// The owner's part of all sign-ins over an equal part for each network, where networks share something.
    pub share: Option<f64>,
    /// What the attackers were answered, by status; 303 is a sign-in.
    pub meanwhile: BTreeMap<u16, u32>,
}

/// What one way of it does.
#[derive(Clone, Debug, Serialize)]
pub struct Stall {
    /// The way.
    pub way: &'static str,
    /// CPU time of a token before, in microseconds.
    pub before: Spread,
    /// CPU time of a token meanwhile.
    pub meanwhile: Spread,
    /// The one over the other, round by round.
    pub ratio: Spread,
    /// The most memory that the server ever took, in bytes.
    pub peak: u64,
}

/// What a pile does.
#[derive(Clone, Debug, Serialize)]
pub struct Pile {
    /// CPU time of a flow of others in microseconds, while nobody asks for the account.
    pub idle: Spread,
    /// The same meanwhile: all that the server needs, less what it needs for the account alone.
    pub meanwhile: Spread,
    /// The one over the other, round by round.
    pub ratio: Spread,
    /// The same of the thread that writes, which works for nobody else.
    pub writer: Spread,
    /// Half of the flows take less, in microseconds: idle, meanwhile.
    pub p50: (f64, f64),
    /// All but a hundredth take less: idle; while as many connections ask for an account without a pile; meanwhile.
    pub p99: (f64, f64, f64),
    /// The last over the one before it: what the pile does, and not that many ask.
    pub p99_ratio: f64,
    /// Flows of others a second, of the 100 that are due: idle, meanwhile.
    pub per_second: (f64, f64),
    /// Account pages a second meanwhile, and requests for them that are refused (503).
    pub asked: (f64, f64),
    /// All but a hundredth take less, and the longest, while callers hang up, in microseconds. None is refused.
    pub hanging_up: (f64, f64),
    /// The account page in bytes.
    pub page: usize,
    /// The most memory that all this ever took, in bytes.
    pub peak: u64,
    /// How long the owner needs to sign in, and to sign out, in milliseconds.
    pub in_and_out: (f64, f64),
}

impl Results {
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

/// Instructions of all kinds of token.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Each kind.
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

impl Counts {
    /// Those of a kind of token.
    pub fn of(&self, token: Token) -> Option<&Counted> {
        self.kinds.iter().find(|kind| kind.name == token.as_str())
    }
}
