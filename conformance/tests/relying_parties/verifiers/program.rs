//! A program that listens on a port.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use storage::contract::tool;

/// How often a program that starts is tried before the test gives up, after two minutes.
const ATTEMPTS: u32 = 2_400;
const PAUSE: Duration = Duration::from_millis(50);

/// The folder of `conformance/clients/install`, if the programs are installed.
pub(super) fn installed() -> Option<String> {
    let folder = tool::environment("CLIENTS").map(|folder| folder.into_string().unwrap());
    if folder.is_none() {
        let untested = "other people's gateways and libraries are not tested";
        tool::go_without("CLIENTS", untested, "CLIENTS is not set");
    }
    folder
}

/// A running program. Killed when dropped.
pub(super) struct Program(Child);

impl Program {
    /// Starts a command in a folder, with that of the installed programs as `$CLIENTS`, and waits until it listens.
    pub(super) fn start(folder: &Path, clients: &str, port: u16, command: &str) -> Self {
        let log = folder.join("program.log");
        let mut shell = shell(folder, clients, &format!("exec {command} > program.log 2>&1"));
        let mut program = Self(shell.spawn().unwrap());
        for _ in 0..ATTEMPTS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return program;
            }
            if program.0.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{command} doesn't start: {}", std::fs::read_to_string(log).unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Commands for a shell, without the environment of this machine.
pub(super) fn shell(folder: &Path, clients: &str, commands: &str) -> Command {
    let path = tool::environment("PATH").unwrap();
    let home = tool::environment("HOME").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-ec", commands]).current_dir(folder).stdin(Stdio::null()).env_clear();
    shell.env("PATH", path).env("HOME", home).env("CLIENTS", clients);
    shell
}
