//! The machine: its cores, and how server and driver are pinned to different ones, so that neither waits for the
//! other's time slice. Affinity is set by the program `taskset`; without it, or with one core, nothing is pinned
//! and the report says so.

use crate::Outcome;
use crate::runner::Runner;
use serde::Serialize;
use std::fs;
use std::process::{Command, Stdio};

/// How many cores throughput and latency need to mean something; CPU time per request does with two.
const ROOMY: usize = 4;

/// What the measurements ran on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: usize,
    /// The instruction set.
    pub arch: &'static str,
    /// The core of the server and the one of the driver.
    pub pinned: Option<(usize, usize)>,
    /// Too few cores: wall-clock times are noise.
    pub contended: bool,
}

impl Machine {
    /// Reads what the machine has and pins this process to the driver's core.
    pub fn claim() -> Outcome<Self> {
        let cores = allowed_cores()?;
        let pinned = match (cores.first(), cores.last()) {
            (Some(driver), Some(server)) if driver != server && pin_self(*driver) => Some((*server, *driver)),
            _ => None,
        };
        let contended = cores.len() < ROOMY;
        Ok(Self { cores: cores.len(), arch: std::env::consts::ARCH, pinned, contended })
    }

    /// How a server is run to be measured.
    pub fn runner(&self) -> Runner {
        self.pinned.map_or(Runner::Plain, |(server, _)| Runner::OnCore(server))
    }
}

fn pin_self(core: usize) -> bool {
    let (core, id) = (core.to_string(), std::process::id().to_string());
    let done = Command::new("taskset").args(["-pc", &core, &id]).stdout(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

fn allowed_cores() -> Outcome<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let list = list.ok_or("/proc/self/status names no cores")?;
    let ranges = list.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Ok(first.parse()?..=last.parse()?)
    });
    ranges.collect::<Outcome<Vec<_>>>().map(|ranges| ranges.into_iter().flatten().collect())
}
