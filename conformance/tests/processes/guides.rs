//! Runs every command of the guides in `docs/start` and `docs/guides`. A block marked `sh server` or `sh emulator`
//! keeps running in the background; all other `sh` blocks have to succeed, one after the other, in one folder.
//! `console` blocks are not run.

use conformance::keyward_binary;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use storage::contract::local_aws;
use tempfile::TempDir;

const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

#[test]
fn every_command_of_the_guides_works() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for folder in ["start", "guides"] {
        for entry in std::fs::read_dir(docs.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            follow(&path, &text);
        }
    }
}

fn follow(guide: &Path, text: &str) {
    let folder = TempDir::new().unwrap();
    // Ports of its own instead of the guide's, so that guides can't meet each other or somebody's server.
    let port = free_port(20_000).to_string();
    let emulator = free_port(10_000).to_string();
    let mut servers = Vec::new();
    for block in text.split("\n```sh").skip(1) {
        let (kind, rest) = block.split_once('\n').unwrap();
        let commands = rest
            .split("\n```")
            .next()
            .unwrap()
            .replace("8080", &port)
            .replace("9443", &port)
            .replace("8000", &emulator);
        if kind.trim() == "emulator" {
            local_aws::build();
        }
        if ["server", "emulator"].contains(&kind.trim()) {
            servers.push(Server::start(folder.path(), &commands));
            continue;
        }
        let done = shell(folder.path(), &commands).output().unwrap();
        let told = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{}: {commands}\n{told:?}", guide.display());
    }
}

/// Below the ephemeral ports, so that nothing else takes it meanwhile.
fn free_port(from: u16) -> u16 {
    let from = from + u16::try_from(std::process::id() % 10_000).unwrap();
    (from..from + 2_000).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn shell(folder: &Path, commands: &str) -> Command {
    let binaries = keyward_binary().parent().unwrap().display().to_string();
    let mut shell = Command::new("sh");
    // Without this machine's environment: a guide starts from nothing.
    shell
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{binaries}:{SYSTEM_PATH}"))
        .args(["-ec", commands]);
    shell
}

/// Killed when dropped.
struct Server(Child);

impl Server {
    fn start(folder: &Path, commands: &str) -> Self {
        // In place of the shell, so that what is killed is the server.
        let commands = commands.trim();
        let last = if commands.contains("exec ") { commands.to_owned() } else { format!("exec {commands}") };
        let mut child = shell(folder, &last).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(" listening on "), "{line}");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}
