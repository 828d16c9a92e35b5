//! A server behind a front end that sends the caller's address, or doesn't (N-250).

use conformance::process::{Process, run_with};
use conformance::{With as _, get};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A front end: it adds lines to the head of each request, one per connection. It lives as long as the test.
struct Front {
    address: SocketAddr,
    origin: Arc<Mutex<Option<SocketAddr>>>,
    lines: Arc<Mutex<String>>,
}

impl Front {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (origin, lines) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(String::new())));
        let front = Self { address, origin: Arc::clone(&origin), lines: Arc::clone(&lines) };
        std::thread::spawn(move || {
            for caller in listener.incoming() {
                let (to, lines) = (*origin.lock().unwrap(), lines.lock().unwrap().clone());
                let (Ok(mut caller), Some(to)) = (caller, to) else { continue };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && caller.read(&mut byte).is_ok_and(|count| count == 1) {
                    head.push(byte[0]);
                }
                head.truncate(head.len().saturating_sub(2));
                let mut server = TcpStream::connect(to).unwrap();
                server.write_all(&head).unwrap();
                server
                    .write_all(
                        format!("connection: close\r\nx-keyward-origin: {SECRET}\r\n{lines}\r\n").as_bytes(),
                    )
                    .unwrap();
                drop(std::io::copy(&mut server, &mut caller));
            }
        });
        front
    }

    fn add(&self, lines: &str) {
        *self.lines.lock().unwrap() = lines.into();
    }
}

#[tokio::test]
async fn n250_doctor_says_whether_the_front_end_sends_the_callers_address() {
    let (folder, front) = (TempDir::new().unwrap(), Front::start());
    let issuer = format!("http://{}", front.address);
    let settings = [
        ("KEYWARD_SIGNING_ALGS", "ES256"),
        ("KEYWARD_ISSUER", issuer.as_str()),
        ("KEYWARD_CLIENT_IP", "header:x-forwarded-for"),
        ("KEYWARD_ORIGIN_SECRET", SECRET),
    ];
    let server = Process::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &settings);
    *front.origin.lock().unwrap() = Some(server.address);
    for (lines, is_ok, message) in [
        ("x-forwarded-for: 6.6.6.6, 203.0.113.7:4711\r\n", true, "203.0.113.7"),
        ("x-forwarded-for: \"6.6.6.6\r\nx-forwarded-for: [2001:db8::7]:443\r\n", true, "2001:db8::7"),
        ("", false, "has no address"),
        ("x-forwarded-for: $remote_addr\r\n", false, "has no address"),
    ] {
        front.add(lines);
        let output = run_with(folder.path(), &["doctor", "--json"], &settings, "");
        let text = String::from_utf8(output.stdout).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let checks = document["checks"].as_array().unwrap();
        let check =
            checks.iter().find(|check| check["name"] == "client_ip").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(check["ok"], is_ok, "{text}");
        assert!(check["found"].as_str().unwrap().contains(message), "{text}");
        assert!(!text.contains(SECRET));
    }
    // No other caller gets that header.
    let answer = server.send(get("/jwks").with("x-keyward-origin", SECRET)).await;
    assert!(answer.status == 200 && !answer.has("x-keyward-caller"), "{answer:?}");
    let guess = get("/jwks").with("x-keyward-origin", SECRET);
    let answer = server.send(guess.with("x-keyward-doctor", SECRET)).await;
    assert!(answer.status == 200 && !answer.has("x-keyward-caller"), "{answer:?}");
}
