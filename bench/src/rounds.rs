//! Rounds: floor and product in turn, so that whatever else the machine does affects both.

use crate::Outcome;
use crate::connection::Connection;
use crate::load::{Flow, Load, Pace, run};
use crate::server::Server;
use serde::Serialize;
use std::time::Duration;

/// How long and how hard.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// How many rounds.
    pub rounds: usize,
    /// How long each lasts.
    pub time: Duration,
    /// How many connections.
    pub connections: usize,
}

/// A server and what is asked of it.
pub struct Subject<'a, F> {
    /// The server.
    pub server: &'a Server,
    /// What each connection repeats.
    pub flow: F,
}

/// One round of one server.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU time of the server for each flow, in microseconds.
    pub micros: f64,
    /// How much of a core the server used, from 0 to its cores.
    pub busy: f64,
    /// Flows a second.
    pub per_second: f64,
    /// p50 of the flows, in microseconds.
    pub p50: f64,
    /// p99 of the flows, in microseconds.
    pub p99: f64,
}

/// Values of several rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// Floor and product in the same rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Comparison {
    /// CPU time of the floor for each flow, in microseconds.
    pub floor: Spread,
    /// CPU time of the product.
    pub product: Spread,
    /// The product's cost as a multiple of the floor's, round by round.
    pub ratio: Spread,
    /// How much of a core each used in its idlest round: a server that did not get its core was not saturated.
    pub busy: (f64, f64),
}

impl<F: Flow> Subject<'_, F> {
    /// One round.
    pub async fn sample(&self, connections: usize, pace: Pace, time: Duration) -> Outcome<Sample> {
        let flows = warm(self.server, &self.flow, connections).await?;
        let before = self.server.cpu()?;
        let load = run(flows, pace, time).await?;
        let cpu = self.server.cpu()?.saturating_sub(before);
        Ok(Sample::new(&load, cpu))
    }

    /// Several rounds alone.
    pub async fn rounds(&self, plan: Plan) -> Outcome<Vec<Sample>> {
        let mut samples = Vec::with_capacity(plan.rounds);
        self.warm_up(plan).await?;
        for _ in 0..plan.rounds {
            samples.push(self.sample(plan.connections, Pace::Closed, plan.time).await?);
        }
        Ok(samples)
    }

    async fn warm_up(&self, plan: Plan) -> Outcome<()> {
        self.sample(plan.connections, Pace::Closed, plan.time / 3).await.map(drop)
    }
}

/// Opens connections, each with a flow of its own.
pub async fn open<F: Flow>(server: &Server, flow: &F, connections: usize) -> Outcome<Vec<(Connection, F)>> {
    let mut flows = Vec::with_capacity(connections);
    for _ in 0..connections {
        flows.push((Connection::open(server.address).await?, flow.clone()));
    }
    Ok(flows)
}

/// As [`open`], and each flow is done once before it counts.
async fn warm<F: Flow>(server: &Server, flow: &F, connections: usize) -> Outcome<Vec<(Connection, F)>> {
    let mut flows = open(server, flow, connections).await?;
    for (connection, flow) in &mut flows {
        flow.once(connection).await?;
    }
    Ok(flows)
}

/// Floor, product, floor, product, …
pub async fn compare<A: Flow, B: Flow>(
    floor: &Subject<'_, A>,
    product: &Subject<'_, B>,
    plan: Plan,
) -> Outcome<Comparison> {
    let (mut floors, mut products) = (Vec::new(), Vec::new());
    floor.warm_up(plan).await?;
    product.warm_up(plan).await?;
    for _ in 0..plan.rounds {
        floors.push(floor.sample(plan.connections, Pace::Closed, plan.time).await?);
        products.push(product.sample(plan.connections, Pace::Closed, plan.time).await?);
    }
    let ratios = floors.iter().zip(&products).map(|(floor, product)| product.micros / floor.micros);
    let idlest = |samples: &[Sample]| Spread::of(samples.iter().map(|sample| sample.busy)).min;
    Ok(Comparison {
        ratio: Spread::of(ratios),
        busy: (idlest(&floors), idlest(&products)),
        floor: Spread::of(floors.iter().map(|sample| sample.micros)),
        product: Spread::of(products.iter().map(|sample| sample.micros)),
    })
}

impl Sample {
    fn new(load: &Load, cpu: Duration) -> Self {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let flows = f64::from(load.count());
        let wall = load.wall.as_secs_f64();
        Self {
            micros: micros(cpu) / flows,
            busy: cpu.as_secs_f64() / wall,
            per_second: flows / wall,
            p50: micros(load.at(50)),
            p99: micros(load.at(99)),
        }
    }
}

impl Spread {
    /// The spread of some values; NaN if there are none.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(values.len() / 2), min: at(0), max: at(values.len().saturating_sub(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_does_not_follow_one_bad_round() {
        let spread = Spread::of([31.0, 90.0, 30.0].into_iter());
        assert_eq!((spread.median, spread.min, spread.max), (31.0, 30.0, 90.0));
        assert!(Spread::of(std::iter::empty()).median.is_nan());
    }

    #[test]
    fn a_flow_costs_the_server_its_share() {
        let latencies = (1..=200).map(Duration::from_micros).collect();
        let load = Load { wall: Duration::from_millis(20), latencies, most_waiting: 0 };
        let sample = Sample::new(&load, Duration::from_millis(10));
        assert_eq!((sample.micros, sample.busy, sample.per_second), (50.0, 0.5, 10_000.0));
        assert_eq!((sample.p50.round(), sample.p99.round()), (101.0, 199.0));
    }
}
