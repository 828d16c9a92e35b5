//! A server that is measured: a child process that prints its address, and what the system reports about it.

use crate::Outcome;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The peak of resident memory in a process's status.
pub(crate) const PEAK: &str = "VmHWM:";

/// A running server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a program and waits for the line on its standard output that has its URL.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
        match url.and_then(|url| url.parse().ok()) {
            Some(address) => Ok(Self { child, address }),
            None => {
                child.kill()?;
                child.wait()?;
                Err(format!("{command:?} does not say where it listens: {line:?}").into())
            }
        }
    }

    /// CPU time of all its threads until now, user and system.
    pub fn cpu(&self) -> Outcome<Duration> {
        self.cpu_of(&self.threads()?)
    }

    /// CPU time of some of its threads until now.
    pub fn cpu_of(&self, threads: &[PathBuf]) -> Outcome<Duration> {
        cpu_of(threads)
    }

    /// CPU time of each of its threads until now. Threads of a pool come and go: one that is gone is left out.
    pub fn cpu_of_each(&self) -> Outcome<HashMap<PathBuf, Duration>> {
        let threads = self.threads()?.into_iter();
        let times = threads.filter_map(|thread| {
            let time = self.cpu_of(std::slice::from_ref(&thread)).ok()?;
            Some((thread, time))
        });
        Ok(times.collect())
    }

    /// The threads it has now.
    pub fn threads(&self) -> Outcome<Vec<PathBuf>> {
        threads_of(self.child.id())
    }

    /// The threads with a name.
    pub fn threads_named(&self, name: &str) -> Outcome<Vec<PathBuf>> {
        let mut threads = self.threads()?;
        threads.retain(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(|own| own.trim() == name));
        Ok(threads)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> Outcome<u64> {
        memory_of(self.child.id(), "VmRSS:")
    }

    /// Peak resident memory, in bytes.
    pub fn peak(&self) -> Outcome<u64> {
        memory_of(self.child.id(), PEAK)
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub fn stop(mut self) -> Outcome<()> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if !asked.success() {
            return Err("the server can't be told to stop".into());
        }
        self.child.wait()?;
        Ok(())
    }
}

/// CPU time of threads until now.
pub fn cpu_of(threads: &[PathBuf]) -> Outcome<Duration> {
    let nanos = threads.iter().map(|thread| {
        let text = fs::read_to_string(thread.join("schedstat"))?;
        let first = text.split_whitespace().next().ok_or("schedstat is empty")?;
        Ok(first.parse::<u64>()?)
    });
    Ok(Duration::from_nanos(nanos.sum::<Outcome<u64>>()?))
}

/// The threads that a process has now.
pub(crate) fn threads_of(process: u32) -> Outcome<Vec<PathBuf>> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))?;
    threads.map(|thread| Ok(thread?.path())).collect()
}

/// A line of a process's status about its memory, in bytes.
pub(crate) fn memory_of(process: u32, name: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kibibytes.ok_or(format!("its status has no {name}"))?.parse::<u64>()? * 1024)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
