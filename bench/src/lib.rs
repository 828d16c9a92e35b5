//! What the product costs, compared with a floor that does only what cannot be left out: a load driver, the rounds that
//! compare the two, and the budgets that a change must meet.
//!
//! Everything is measured from outside, on real binaries. Absent on purpose: any of our own crates, so that a
//! slow function of the product can't slow the floor down with it. Only the binary `verify` uses one: `guard`, which it
//! measures.

pub mod browser;
pub mod budget;
pub mod clock;
pub mod connection;
pub mod floor;
pub mod function;
pub mod instructions;
pub mod kms;
pub mod load;
pub mod machine;
pub mod measure;
pub mod product;
pub mod report;
pub mod request;
pub mod results;
pub mod rounds;
pub mod runner;
pub mod scenario;
pub mod server;
pub mod startup;
pub mod token;

/// How anything here ends; the error is for a person to read.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
