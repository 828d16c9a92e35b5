//! Tells systemd when the server is ready and when it stops: the protocol of sd_notify(3), for units of `Type=notify`. Our
//! own few lines, since the crates for it read the environment themselves.

use crate::config::env::Env;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a manager that reads nothing delays the server.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, if it waits for messages from this process.
pub(super) struct ServiceManager<'a>(Option<&'a str>);

impl<'a> ServiceManager<'a> {
    /// The one that `NOTIFY_SOCKET` names: by a path, or by `@` and an abstract name.
    pub(super) fn of(env: &'a Env) -> Self {
        Self(env.get("NOTIFY_SOCKET").filter(|name| !name.is_empty()))
    }

    /// Store and keys are open, and connections are accepted.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// No more connections are accepted.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A server works without its manager, so a failure is only logged.
    fn tell(&self, state: &str) {
        if let Some(name) = self.0
            && let Err(error) = send(name, state)
        {
            tracing::warn!(%error, state, "the service manager at NOTIFY_SOCKET can't be told");
        }
    }
}

fn send(name: &str, state: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(state.as_bytes(), &address(name)?)?;
    Ok(())
}

fn address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}
