//! The master key file is replaced by a command that is killed half-way, next to a running server.

use crate::commands::{QUICK, SERVE, json};
use conformance::process::{Process, keyward};
use conformance::{With as _, basic, form};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

const MASTER: &str = "keyward-data/master.key";

fn read(folder: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(name)).ok()
}

/// Whether a killed command had begun and not ended.
fn is_half_way(folder: &Path, new: &str, before: &str) -> bool {
    read(folder, new).is_some() && read(folder, MASTER).as_deref() == Some(before)
}

#[tokio::test]
async fn n253_killed_at_any_moment_it_continues_and_the_server_keeps_serving() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let server = Process::start(folder, &SERVE, &QUICK);
    let client = json(folder, &["client", "create", "--name", "M", "--scope", "read"], "");
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let ask =
        || form("/token", &[("grant_type", "client_credentials")]).with("authorization", &basic(id, secret));
    let kids = |listed: serde_json::Value| {
        let keys = listed.as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at_first = kids(json(folder, &["keys", "list"], ""));
    let mut half_way = 0;
    for round in 0..40_u32 {
        let (new, before) = (format!("new-{round}.key"), read(folder, MASTER).unwrap());
        let rewrap = ["keys", "rewrap", "--new-master", &new, "--json"];
        let mut command = keyward(folder, &rewrap, &QUICK);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // At any moment: what has to be true afterwards doesn't depend on it.
        tokio::time::sleep(Duration::from_millis(u64::from(round * 2))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        half_way += u32::from(is_half_way(folder, &new, &before));
        // With the setting alone, as a server does that starts.
        assert_eq!(kids(json(folder, &["keys", "list"], "")), at_first, "round {round}");
        assert_eq!(server.send(ask()).await.status, 200, "round {round}");
        json(folder, &rewrap[..4], "");
        assert_eq!(read(folder, MASTER), read(folder, &new), "round {round}");
        assert!(read(folder, "keyward-data/master.key.next").is_none());
        assert_eq!(server.send(ask()).await.status, 200, "round {round}");
        if round % 10 == 9 {
            let restarted = Process::start(folder, &SERVE, &QUICK);
            assert_eq!(restarted.send(ask()).await.status, 200, "round {round}");
        }
    }
    assert!(half_way > 0, "no command was killed half-way");
}
