//! DynamoDB and KMS on this machine for tests, by an emulator that this project did not write: the Python package
//! ministack. All tests of a program share one process, which ends with the program. `MINISTACK` is the path of the
//! program `ministack`, otherwise it is searched in `PATH`.
//!
//! Without it the tests pass after saying so; with `REQUIRE_MINISTACK=1`, as in CI, they fail.

use super::emulator::Emulator;
use super::tool::{environment, go_without};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

const MISSING: &str =
    "there is no ministack: install it, and set MINISTACK to its path (see conformance/README.md)";

/// Becomes ministack, which a second process ends when standard input is closed, however this program ends.
const UNTIL_STDIN_CLOSES: &str =
    r#"exec 3<&0; (read -r _ <&3; kill $$; sleep 5; kill -9 $$) >/dev/null 2>&1 & exec "$0" 3<&- </dev/null"#;

/// How often it is started: another program may take the port that was free.
const STARTS: u32 = 5;

/// How long it may take until it answers.
const READY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// The emulator; `None`: this machine has none, and doesn't have to.
pub fn available() -> Option<&'static Emulator> {
    static EMULATOR: OnceLock<Option<Emulator>> = OnceLock::new();
    EMULATOR.get_or_init(find_and_start).as_ref()
}

fn find_and_start() -> Option<Emulator> {
    let Some(program) = program() else {
        go_without("MINISTACK", "tests on ministack pass without testing", MISSING);
        return None;
    };
    let started = (0..STARTS).find_map(|_| start(&program));
    assert!(started.is_some(), "ministack ends before it is ready: {}", program.display());
    started
}

fn program() -> Option<PathBuf> {
    if let Some(path) = environment("MINISTACK") {
        return Some(path.into());
    }
    let path = environment("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("ministack")).find(|file| file.is_file())
}

/// Starts it and waits until it answers; `None`: it ended before.
fn start(program: &Path) -> Option<Emulator> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("sh");
    command.args(["-c", UNTIL_STDIN_CLOSES]).arg(program).env_clear();
    command.envs(environment("PATH").map(|path| ("PATH", path)));
    command.envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("LOG_LEVEL", "ERROR")]);
    command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..READY.as_millis() / PAUSE.as_millis() {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if is_ready(port).unwrap_or(false) {
            return Some(Emulator { endpoint: format!("http://127.0.0.1:{port}"), _child: child });
        }
        sleep(PAUSE);
    }
    unreachable!("ministack does not answer within {READY:?}")
}

fn is_ready(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(READY))?;
    connection
        .write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}
