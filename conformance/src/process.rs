//! The product as a process: started, sent requests, stopped, killed.

use crate::answer::Answer;
use crate::binary::keyward_binary;
use crate::world::try_over_http;
use axum::body::Body;
use http::Request;
use http::header::HOST;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A running server. Killed when dropped.
pub struct Process {
    child: Mutex<Child>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The issuer that it prints.
    pub issuer: String,
    /// What it printed before it was ready, that line included.
    pub greeting: String,
}

impl Process {
    /// Starts `keyward` in a folder and waits until it says that it is ready.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(keyward(folder, arguments, environment))
    }

    /// Waits until what `command` starts says that it is ready.
    pub fn spawn(command: Command) -> Self {
        Self::try_spawn(command).unwrap_or_else(|message| panic!("it ended before it was ready: {message}"))
    }

    /// The same; its output if it ended before.
    pub fn try_spawn(mut command: Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("keyward listening on ") {
            if lines.read_line(&mut greeting).unwrap() == 0 {
                let mut errors = String::new();
                child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                child.wait().unwrap();
                return Err(greeting + &errors);
            }
        }
        // Read to the end, so that it never waits for us.
        let mut errors = child.stderr.take().unwrap();
        std::thread::spawn(move || drop(std::io::copy(&mut lines, &mut std::io::sink())));
        std::thread::spawn(move || drop(std::io::copy(&mut errors, &mut std::io::sink())));
        let line = greeting.lines().find(|line| line.contains("keyward listening on ")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "on").unwrap() + 1;
        let address = words[at].rsplit("//").next().unwrap().parse().unwrap();
        let child = Mutex::new(child);
        let issuer = words[at + 2].trim_matches(['"', ',']).to_owned();
        Ok(Self { child, address, issuer, greeting })
    }

    /// Sends a request; `Host` is the issuer's unless it has its own.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// The same; `None` if it died before the whole answer was there.
    pub async fn try_send(&self, mut request: Request<Body>) -> Option<Answer> {
        if !request.headers().contains_key(HOST) {
            let authority = self.issuer.rsplit("//").next().unwrap();
            request.headers_mut().insert(HOST, authority.parse().unwrap());
        }
        try_over_http(self.address, request).await
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// Ends it at once, whatever it is doing.
    pub fn kill(&self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// Sends SIGTERM and waits. Returns whether it exited successfully.
    pub fn stop(self) -> bool {
        let message = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(message.success());
        self.child().wait().unwrap().success()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.child().kill();
        let _gone_already = self.child().wait();
    }
}

/// Runs a command to its end.
pub fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    run_with(folder, arguments, &[], input)
}

/// The same with some environment.
pub fn run_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    piped(keyward(folder, arguments, environment), input)
}

/// Runs any command to its end, with a text as its standard input.
pub fn piped(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may be gone already.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The command, without this machine's environment.
pub fn keyward(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(keyward_binary());
    command.current_dir(folder).args(arguments).env_clear().envs(environment.iter().copied());
    command
}
