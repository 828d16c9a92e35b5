//! How long a server keeps connections (N-206). Nothing is measured: a test waits for what has to come, and gives what must
//! not come far more time.

use crate::commands::{QUICK, SERVE};
use conformance::process::Process;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tempfile::TempDir;

/// A request in two parts.
const BEGIN: &str = "GET /healthz HTTP/1.1\r\n";
const END: &str = "host: localhost\r\n\r\n";

fn connect(server: &Process) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends the rest of a request. Whether it is answered.
fn ask(mut stream: &TcpStream, rest: &str) -> bool {
    let (sent, mut answer, mut byte) = (stream.write_all(rest.as_bytes()), Vec::new(), [0]);
    while sent.is_ok()
        && !answer.ends_with(b"\r\n\r\nok")
        && stream.read(&mut byte).is_ok_and(|read| read == 1)
    {
        answer.push(byte[0]);
    }
    answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\nok")
}

/// Waits until the server closes.
fn wait_for_the_end(mut stream: &TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn n206_idle_connections_and_heads_have_settings_of_their_own() {
    let folder = TempDir::new().unwrap();
    let serve = |idle: &str, header: &str| {
        let settings = [QUICK[0], ("KEYWARD_IDLE_TIMEOUT", idle), ("KEYWARD_HEADER_TIMEOUT", header)];
        Process::start(folder.path(), &SERVE, &settings)
    };
    let server = serve("1s", "1m");
    let (idle, mut slow) = (connect(&server), connect(&server));
    slow.write_all(BEGIN.as_bytes()).unwrap();
    assert!(ask(&idle, &format!("{BEGIN}{END}")));
    wait_for_the_end(&idle);
    assert!(ask(&slow, END), "its head has a minute");
    drop(server);
    let server = serve("1h", "1s");
    // The first head has a second as well, in which this test may stand still.
    let idle = loop {
        let stream = connect(&server);
        if ask(&stream, &format!("{BEGIN}{END}")) {
            break stream;
        }
    };
    let (mute, mut slow) = (connect(&server), connect(&server));
    slow.write_all(BEGIN.as_bytes()).unwrap();
    wait_for_the_end(&mute);
    wait_for_the_end(&slow);
    assert!(ask(&idle, &format!("{BEGIN}{END}")), "it has an hour");
}
