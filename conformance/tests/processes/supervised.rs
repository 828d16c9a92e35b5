//! A server under systemd (`Type=notify`): what it says to its service manager, and when.

use crate::commands::{QUICK, SERVE};
use conformance::get;
use conformance::process::{Process, keyward};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tempfile::TempDir;

/// A service manager's socket.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(socket)
    }

    /// The next message.
    fn message(&self) -> String {
        let mut message = [0; 256];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// Whether there is none.
    fn has_no_message(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let nothing = self.0.recv(&mut [0; 256]).is_err();
        self.0.set_nonblocking(false).unwrap();
        nothing
    }
}

#[tokio::test]
async fn systemd_is_told_when_a_server_is_ready_and_when_it_stops() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let name = format!("keyward-test-{}", std::process::id());
    for (address, socket) in [
        (SocketAddr::from_pathname(&path).unwrap(), path.to_str().unwrap().to_owned()),
        (SocketAddr::from_abstract_name(&name).unwrap(), format!("@{name}")),
    ] {
        let manager = Manager::at(&address);
        let server = Process::start(folder.path(), &SERVE, &[QUICK[0], ("NOTIFY_SOCKET", &socket)]);
        assert_eq!(manager.message(), "READY=1");
        assert_eq!(server.send(get("/readyz")).await.status, 200);
        assert!(manager.has_no_message());
        assert!(server.stop());
        assert_eq!(manager.message(), "STOPPING=1");
        assert!(manager.has_no_message());
    }
}

#[test]
fn systemd_is_not_told_that_a_server_is_ready_when_it_cannot_start() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let socket = [QUICK[0], ("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = Process::start(folder.path(), &SERVE, &socket);
    assert_eq!(manager.message(), "READY=1");
    server.kill();
    // The listener is bound by then, but the keys can't be opened.
    std::fs::remove_file(folder.path().join("keyward-data/master.key")).unwrap();
    assert!(Process::try_spawn(keyward(folder.path(), &SERVE, &socket)).is_err());
    assert!(manager.has_no_message());
}

#[tokio::test]
async fn a_server_works_without_its_service_manager() {
    let folder = TempDir::new().unwrap();
    for socket in ["", "/nonexistent/notify", "@nobody-listens", "relative"] {
        let server = Process::start(folder.path(), &SERVE, &[QUICK[0], ("NOTIFY_SOCKET", socket)]);
        assert_eq!(server.send(get("/readyz")).await.status, 200, "{socket}");
        assert!(server.stop(), "{socket}");
    }
}
