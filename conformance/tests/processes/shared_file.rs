//! Two servers on one file.

use crate::commands::{QUICK, REDIRECT, SERVE, VERIFIER, join, json, machine};
use crate::sign_in::alice_gets_a_code;
use conformance::process::Process;
use conformance::{PASSWORD, With as _, basic, form, get};
use tempfile::TempDir;

#[tokio::test]
async fn two_servers_share_every_step_of_one_sign_in() {
    let folder = TempDir::new().unwrap();
    let one = Process::start(folder.path(), &SERVE, &QUICK);
    let named = [QUICK[0], ("KEYWARD_ISSUER", one.issuer.as_str())];
    let two = Process::start(folder.path(), &SERVE, &named);
    assert_eq!(one.issuer, two.issuer);
    assert_ne!(one.address, two.address);
    json(folder.path(), &["user", "create", "--username", "alice", "--password-stdin"], PASSWORD);
    let client = json(folder.path(), &["client", "create", "--name", "RP", "--redirect-uri", REDIRECT], "");
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());

    let code = alice_gets_a_code([&one, &two], id, &["openid"]).await;

    let redeem = || {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form("/token", &fields).with("authorization", &basic(id, secret))
    };
    // 200 at once, half of them to each server.
    let (ones, twos) =
        (0..100).map(|_| (one.send(redeem()), two.send(redeem()))).unzip::<_, _, Vec<_>, Vec<_>>();
    let (ones, twos) = tokio::join!(join(ones), join(twos));
    let all: Vec<_> = ones.into_iter().chain(twos).collect();
    let tokens: Vec<_> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(tokens.len(), 1, "{:?}", all.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let bearer = format!("Bearer {}", tokens[0].json()["access_token"].as_str().unwrap());
    for server in [&one, &two] {
        let userinfo = server.send(get("/userinfo").with("authorization", &bearer)).await;
        assert_eq!(userinfo.status, 200);
    }
}

#[tokio::test]
async fn a_running_server_notices_what_a_command_changed() {
    let folder = TempDir::new().unwrap();
    let server = Process::start(folder.path(), &SERVE, &QUICK);
    let (id, ask) = machine(folder.path());
    assert_eq!(server.send(ask()).await.status, 200);
    json(folder.path(), &["client", "disable", &id], "");
    // The server checks once a second; polling is how we wait for it.
    let mut asked = 0;
    while server.send(ask()).await.status == 200 {
        asked += 1;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(asked < 1200, "the server did not notice");
    }
}

#[tokio::test]
async fn n231_a_running_server_drops_a_key_that_a_command_revoked() {
    let folder = TempDir::new().unwrap();
    let server = Process::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &QUICK);
    let client = json(folder.path(), &["client", "create", "--name", "M", "--scope", "read"], "");
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let as_client = |path, fields: &[(&str, &str)]| {
        server.send(form(path, fields).with("authorization", &basic(id, secret)))
    };
    let grant = [("grant_type", "client_credentials")];
    let token = as_client("/token", &grant).await.json()["access_token"].as_str().unwrap().to_owned();
    let kid = conformance::header(&token)["kid"].as_str().unwrap().to_owned();
    assert_eq!(as_client("/introspect", &[("token", &token)]).await.json()["active"], true);
    json(folder.path(), &["keys", "revoke", &kid, "--force"], "");
    // The server checks once a second; polling is how we wait for it.
    let mut asked = 0;
    while server.send(get("/jwks")).await.text().contains(&kid) {
        asked += 1;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(asked < 1200, "the server did not notice");
    }
    assert_eq!(as_client("/introspect", &[("token", &token)]).await.json()["active"], false);
    let bearer = format!("Bearer {token}");
    assert_eq!(server.send(get("/userinfo").with("authorization", &bearer)).await.status, 401);
    let next = as_client("/token", &grant).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_ne!(conformance::header(&next)["kid"], kid.as_str());
}
