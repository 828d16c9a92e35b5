//! A page of `docs/guides/connect`: its `sh` blocks are run, and its blocks that name a file are written to it.

use crate::prerequisites::environment;
use conformance::ports::free_port;
use conformance::process::{Process, run};
use conformance::{PASSWORD, keyward_binary};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use storage::contract::tool;
use tempfile::TempDir;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/connect");
/// How often a client that starts is tried before the test gives up, after two minutes.
const ATTEMPTS: u32 = 2_400;
const PAUSE: Duration = Duration::from_millis(50);

#[test]
fn the_commands_of_every_page_work() {
    for entry in fs::read_dir(PAGES).unwrap() {
        let path = entry.unwrap().path();
        Recipe::follow(path.file_stem().unwrap().to_str().unwrap(), &[], &[]);
    }
}

/// Whether `conformance/clients/install` installed the clients.
pub(super) fn are_installed() -> bool {
    let installed = environment("CLIENTS").is_some();
    if !installed {
        tool::go_without(
            "CLIENTS",
            "the clients of docs/guides/connect are not tested",
            "CLIENTS is not set",
        );
    }
    installed
}

/// A page that was followed, on a server of its own with the user alice.
pub(super) struct Recipe {
    folder: TempDir,
    _keyward: Process,
    pub(super) port: u16,
}

impl Recipe {
    /// Follows a page. `settings` are the server's, as environment variables; `changes` replace what the page says.
    pub(super) fn follow(page: &str, settings: &[(&str, &str)], changes: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut server = Command::new("sh");
        let serve = "exec \"$0\" serve --listen 127.0.0.1:0 2> keyward.log";
        server.arg("-ec").arg(serve).arg(keyward_binary()).current_dir(folder.path());
        server.env_clear().envs(settings.iter().copied());
        let keyward = Process::spawn(server);
        let alice =
            "user create --username alice --email alice@example.com --email-verified --password-stdin";
        let alice = run(folder.path(), &alice.split(' ').collect::<Vec<_>>(), PASSWORD);
        assert!(alice.status.success(), "{alice:?}");

        let text = fs::read_to_string(Path::new(PAGES).join(page).with_extension("md")).unwrap();
        let port = free_port(30_000);
        let ports = [("8080", &*keyward.address.port().to_string()), ("3000", &*port.to_string())];
        let text = replace(&text, &[changes, &ports].concat());
        let this = Self { folder, port, _keyward: keyward };
        let mut printed = String::new();
        for block in text.split("\n```").skip(1).step_by(2) {
            let (kind, block) = block.split_once('\n').unwrap();
            if kind == "sh" {
                printed += &this.run(block);
            } else if let Some((_, file)) = kind.split_once(' ') {
                let secret = printed.split_whitespace().find(|word| word.starts_with("kws_"));
                let block = block.replace("CLIENT_SECRET", secret.unwrap_or_default());
                this.write(file, &block);
            }
        }
        this
    }

    /// A URL of the application.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// A file that the page shows.
    pub(super) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Adds a file.
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs commands to their end. Returns what they print.
    pub(super) fn run(&self, commands: &str) -> String {
        let done = self.shell(commands).output().unwrap();
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{commands}\n{printed}{}", String::from_utf8_lossy(&done.stderr));
        printed
    }

    /// Starts the client.
    pub(super) fn start(&self, command: &str) -> Client {
        self.start_at(self.port, command)
    }

    /// Starts a program and waits until it listens on a port.
    pub(super) fn start_at(&self, port: u16, command: &str) -> Client {
        let mut shell = self.shell(&format!("exec {command} >> client.log 2>&1"));
        let mut client = Client(shell.spawn().unwrap());
        for _ in 0..ATTEMPTS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return client;
            }
            if client.0.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{command} doesn't start: {}", self.file("client.log"))
    }

    /// Whether the client refreshed, and didn't send the user through Keyward once more.
    pub(super) fn was_refreshed(&self) -> bool {
        self.file("keyward.log").contains(r#""event":"refresh.used""#)
    }

    fn shell(&self, commands: &str) -> Command {
        let keyward = keyward_binary().parent().unwrap().display().to_string();
        let clients = environment("CLIENTS").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", commands])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", format!("{keyward}:{clients}/bin:{}", environment("PATH").unwrap_or_default()))
            .env("CLIENTS", clients);
        shell
    }
}

/// Replaces everything at once: nothing is replaced in what replaces something else.
fn replace(text: &str, changes: &[(&str, &str)]) -> String {
    let Some(((from, to), rest)) = changes.split_first() else { return text.to_owned() };
    text.split(from).map(|part| replace(part, rest)).collect::<Vec<_>>().join(to)
}

/// A running client. Killed when dropped.
pub(super) struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}
