//! Simulation of refreshing: hundreds of families of refresh tokens, browser tabs that share them, thieves that copy
//! them, and a network and a store that lose, delay and repeat requests.
//!
//! The router, the rules, the seals and the guarded write are real. Time, chance and users are simulated on one thread,
//! so a run is a function of its seed: `SIMULATION_SEED=7` runs another one, and a run that fails prints
//! its own.
//!
//! Absent on purpose: honest users who return after the grace with a token that was rotated away, because they gave up
//! trying, or because a request they had given up rotated it later. They can't be distinguished from thieves.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and say what it saw"
)]

mod family;
mod lossy_store;
mod run;
mod sign_in;

use run::Simulation;

/// Families in a run; a thief comes to every fourth.
const FAMILIES: usize = 600;

/// An environment variable of the person who runs the tests.
#[expect(clippy::disallowed_methods, reason = "this is no setting of the server")]
fn seed() -> u64 {
    std::env::var("SIMULATION_SEED").map_or(1, |text| text.parse().unwrap())
}

/// A run in which `loss` of a hundred requests are lost, as many answers, and so on.
async fn simulate(loss: u64) {
    let seed = seed();
    let _on_failure = OnFailure(format!("SIMULATION_SEED={seed} at {loss} % loss"));
    let mut simulation = Simulation::new(seed, loss, FAMILIES).await;
    let seen = simulation.run().await;
    eprintln!("{loss} % loss: {seen:?}");
    assert_eq!(seen.families_stolen_from, FAMILIES / 4);
    // The run covered every kind of event.
    assert!(seen.rotations > FAMILIES && seen.answered_alike > 0 && seen.races > 0, "{seen:?}");
    assert_eq!(loss > 0, seen.lost > 0 && seen.late > 0 && seen.failures > 0, "{seen:?}");
}

/// Prints the seed that repeats a failure.
struct OnFailure(String);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it again: {}", self.0);
        }
    }
}

#[tokio::test]
async fn a_run_follows_from_its_seed() {
    let run = async |seed| Simulation::new(seed, 10, 24).await.run().await;
    let first = run(1).await;
    assert_eq!(run(1).await, first);
    assert_ne!(run(2).await, first);
}

#[tokio::test]
async fn where_nothing_is_lost() {
    simulate(0).await;
}

#[tokio::test]
async fn where_one_in_a_hundred_is_lost() {
    simulate(1).await;
}

#[tokio::test]
async fn where_one_in_ten_is_lost() {
    simulate(10).await;
}
