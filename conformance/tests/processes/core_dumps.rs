//! A process that may have keys in memory leaves no core dump, whatever limits it was started with.
#![cfg(target_os = "linux")]

use crate::commands::{QUICK, SERVE};
use conformance::process::{Process, keyward};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// The command, started by a shell that allows core dumps of any size as far as the machine does.
fn allowed(folder: &Path, arguments: &[&str]) -> Command {
    let keyward = keyward(folder, arguments, &QUICK);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$0\" \"$@\""])
        .arg(keyward.get_program())
        .args(keyward.get_args());
    let settings = keyward.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.current_dir(folder).env_clear().envs(settings);
    shell
}

/// The limits of a core file's size, soft and hard, and the owner of the process's files in `/proc`.
fn core(pid: u32) -> (String, u32) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    let words: Vec<_> = line.split_whitespace().take(2).collect();
    (words.join(" "), fs::metadata(format!("/proc/{pid}/status")).unwrap().uid())
}

#[test]
fn a_server_leaves_no_core_dump_and_its_memory_belongs_to_root() {
    for arguments in [SERVE, ["dev", "--listen", "127.0.0.1:0"]] {
        let folder = TempDir::new().unwrap();
        let server = Process::spawn(allowed(folder.path(), &arguments));
        // Other programs of the same user can't trace a process whose files in `/proc` are root's.
        assert_eq!(core(server.id()), ("0 0".to_owned(), 0), "{arguments:?}");
    }
}

#[test]
fn a_command_that_crashes_leaves_no_core_dump() {
    let folder = TempDir::new().unwrap();
    Process::start(folder.path(), &SERVE, &QUICK).kill();
    // It waits for the password.
    let mut create = allowed(folder.path(), &["user", "create", "--username", "alice", "--password-stdin"]);
    let mut child = create.stdin(Stdio::piped()).spawn().unwrap();
    let began = (0..2000).any(|_| {
        sleep(Duration::from_millis(5));
        core(child.id()) == ("0 0".to_owned(), 0)
    });
    assert!(began, "{:?}", core(child.id()));
    Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    assert!(status.signal().is_some() && !status.core_dumped(), "{status:?}");
}
