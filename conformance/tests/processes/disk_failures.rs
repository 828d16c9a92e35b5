//! Disk failures under a running server: what needs a write gets 503 and is not done, what needs none is served, and
//! everything works again without a restart.

use crate::commands::{QUICK, SERVE, json};
use conformance::process::{Process, keyward, run};
use conformance::{Answer, With as _, basic, form, get};
use rusqlite::Connection;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A server, and a client that gets tokens and revokes them, which is a write.
struct Machine {
    server: Process,
    authorization: String,
    // Dropped after the server, and before the folder.
    disk: Option<Disk>,
    folder: TempDir,
}

/// A small file system in memory, for the store of one server.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it. `None`: that is not permitted here.
    fn mount(folder: &Path) -> Option<Self> {
        let at = folder.join("keyward-data");
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"])
            .arg(&at)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }

    /// Writes a file until there is no room for another byte.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for piece in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![1; piece]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg(&self.0).status();
    }
}

impl Machine {
    fn start(begin: impl FnOnce(&Path) -> Process) -> Self {
        let folder = TempDir::new().unwrap();
        let server = begin(folder.path());
        let client = json(folder.path(), &["client", "create", "--name", "M", "--scope", "read"], "");
        let member = |name: &str| client[name].as_str().unwrap();
        let authorization = basic(member("client_id"), member("client_secret"));
        Self { server, authorization, disk: None, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("keyward-data").join(name)
    }

    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.server.send(form(path, fields).with("authorization", &self.authorization)).await
    }

    /// A token; neither a read nor a write once the client is known.
    async fn token(&self) -> String {
        let answer = self.ask("/token", &[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A read.
    async fn is_active(&self, token: &str) -> bool {
        self.ask("/introspect", &[("token", token)]).await.json()["active"] == true
    }

    async fn revoke_token(&self, token: &str) -> Answer {
        self.ask("/revoke", &[("token", token)]).await
    }

    /// An answer of `/readyz` may be a second old.
    async fn until_ready_is(&self, status: u16) {
        for _ in 0..100 {
            if self.server.send(get("/readyz")).await.status == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("/readyz does not become {status}");
    }

    /// While nothing can be written.
    async fn assert_reads_go_on(&self, token: &str) {
        for path in ["/jwks", "/.well-known/openid-configuration", "/healthz"] {
            assert_eq!(self.server.send(get(path)).await.status, 200, "{path}");
        }
        self.token().await;
        assert!(self.is_active(token).await, "given back in vain");
    }

    /// Once the failure has ended.
    async fn assert_recovered(&self, token: &str) {
        assert_eq!(self.revoke_token(token).await.status, 200);
        assert!(!self.is_active(token).await);
        self.server.kill();
        json(self.folder.path(), &["storage", "check"], "");
    }
}

fn assert_away(answer: &Answer) {
    answer.assert_token_error(503, "temporarily_unavailable");
    assert!((1..=5).contains(&answer.header("retry-after").parse().unwrap()));
}

/// A test may neither fill a disk nor mount a small one everywhere; but a limit on the size of files makes the system
/// refuse writes in the same place, even root's.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn n222_a_full_disk_gives_503_and_the_server_recovers() {
    let serve = |folder: &Path| {
        let keyward = keyward(folder, &SERVE, &QUICK);
        let mut shell = Command::new("sh");
        // The signal that comes with the refusal would end the process; a full disk sends none.
        shell
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(keyward.get_program())
            .args(keyward.get_args());
        let settings = keyward.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.current_dir(folder).env_clear().envs(settings);
        Process::spawn(shell)
    };
    let machine = Machine::start(serve);
    let size_limit = |limit: &str| {
        let (pid, limit) = (machine.server.id().to_string(), format!("--fsize={limit}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    };
    let token = machine.token().await;
    let log = std::fs::metadata(machine.file("keyward.db-wal")).unwrap().len();
    size_limit(&log.to_string());
    for _ in 0..3 {
        assert_away(&machine.revoke_token(&token).await);
        machine.assert_reads_go_on(&token).await;
    }
    machine.until_ready_is(503).await;
    // The same for `doctor`, which is another process: in blocks of 512 bytes.
    let keyward = keyward(machine.folder.path(), &["doctor"], &[]);
    let mut shell = Command::new("sh");
    let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", log / 512);
    shell.args(["-c", &limited]).arg(keyward.get_program()).args(keyward.get_args());
    let output = shell.current_dir(machine.folder.path()).env_clear().output().unwrap();
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(
        message.contains("it can't be written") && message.contains("make room on its disk"),
        "{message}"
    );
    size_limit("unlimited");
    machine.until_ready_is(200).await;
    machine.assert_recovered(&token).await;
}

/// As long as SQLite's log has room, its writes succeed on a full disk. The server says before they fail that it is not ready.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn n202_a_full_disk_is_noticed_while_the_log_still_has_room() {
    let mut disk = None;
    let machine = Machine::start(|folder| {
        disk = Disk::mount(folder);
        Process::start(folder, &SERVE, &QUICK)
    });
    let machine = Machine { disk, ..machine };
    let Some(disk) = &machine.disk else {
        eprintln!("not tested: a file system can't be mounted here");
        return;
    };
    machine.until_ready_is(200).await;
    // What is written from now on takes the place of what has been copied from the log into the file.
    let other = Connection::open(machine.file("keyward.db")).unwrap();
    other.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    let token = machine.token().await;
    disk.fill();
    machine.until_ready_is(503).await;
    assert_eq!(machine.revoke_token(&token).await.status, 200, "SQLite can still write");
    let output = run(machine.folder.path(), &["doctor"], "");
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(message.contains("No space left") && message.contains("make room on its disk"), "{message}");
    assert!(!output.status.success());
    disk.free();
    machine.until_ready_is(200).await;
    let token = machine.token().await;
    machine.assert_recovered(&token).await;
    // Without a server, and with the disk full, SQLite can't even open the file.
    disk.fill();
    let message = String::from_utf8(run(machine.folder.path(), &["doctor"], "").stdout).unwrap();
    assert!(message.contains("make room on its disk"), "{message}");
}

/// The five seconds are the server's (`BUSY` of the store).
#[tokio::test]
async fn a_file_locked_by_another_program_gives_503_and_the_server_recovers() {
    let machine = Machine::start(|folder| Process::start(folder, &SERVE, &QUICK));
    let token = machine.token().await;
    let other = Connection::open(machine.file("keyward.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (refused, ()) = tokio::join!(machine.revoke_token(&token), machine.assert_reads_go_on(&token));
    assert_away(&refused);
    machine.assert_reads_go_on(&token).await;
    other.execute_batch("ROLLBACK").unwrap();
    machine.assert_recovered(&token).await;
}
