//! `keyward keys move` is killed at each of its steps, next to servers that issue tokens all the time. Run again, it ends
//! in the moved state, no request fails meanwhile, and every token can be verified by what each server publishes.

use crate::cloud::{Caller, Region};
use crate::kill::{Chain, Ledger, MortalServer, begin};
use conformance::process::keyward;
use conformance::{get, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use keys::{Form, Ring, kept_key};
use protocol::id::Realm;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use storage::{Location, RingDocument, Sqlite, Store as _};
use tempfile::TempDir;
use tokio::time::sleep;

/// How long a key is published before it signs; on a loopback issuer it may be short.
const LEAD: (&str, Duration) = ("2s", Duration::from_secs(2));

/// Where keys are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    File,
    Envelope,
    Sign,
    /// With a second wrapping key.
    OtherEnvelope,
    OtherSign,
}

impl Place {
    const fn form(self) -> Form {
        match self {
            Self::File => Form::File,
            Self::Envelope | Self::OtherEnvelope => Form::Encrypted,
            Self::Sign | Self::OtherSign => Form::Kept,
        }
    }
}

/// What moves.
struct World {
    folder: TempDir,
    region: Region,
    wrapping_keys: [String; 2],
    /// The servers' caller.
    servers: Caller,
    ledger: Ledger,
    /// Tokens of before: a chain of refresh tokens that continues.
    chain: Chain,
    tokens: Vec<String>,
    runs: usize,
}

impl World {
    /// Keys at a place, and a server there.
    async fn begin(place: Place) -> (Self, MortalServer) {
        let region = Region::new();
        let wrapping_keys = [region.key().await, region.key().await];
        let (folder, servers) = (TempDir::new().unwrap(), region.caller());
        let server = serve(folder.path(), &setting(&wrapping_keys, place), &servers);
        let mut ledger = begin(folder.path(), &server).await;
        let mut chain = Chain::begin(&server, &mut ledger.browser, "moving".into()).await.unwrap();
        chain.redeem(&server).await.unwrap();
        let tokens = vec![chain.access.clone()];
        (Self { folder, region, wrapping_keys, servers, ledger, chain, tokens, runs: 0 }, server)
    }

    fn serve(&self, place: Place) -> MortalServer {
        serve(self.folder.path(), &setting(&self.wrapping_keys, place), &self.servers)
    }

    /// Each server refreshes a token that another issued, redeems a code, and publishes keys by which every token of any
    /// server can be verified.
    async fn assert_serves(&mut self, servers: &[&MortalServer]) {
        for server in servers {
            self.chain.refresh(server).await.unwrap();
            self.tokens.push(self.chain.access.clone());
            let mut new = Chain::begin(server, &mut self.ledger.browser, "other".into()).await.unwrap();
            new.redeem(server).await.unwrap();
            self.tokens.push(new.access);
        }
        for server in servers {
            let jwks = server.send(get("/jwks")).await.unwrap().json();
            self.tokens.iter().for_each(|token| verify(token, &jwks));
        }
    }

    /// Runs the command with the setting of `at`, again and again: killed after a few milliseconds, killed while it waits
    /// for the answer to its first call of KMS, its second, …, until it ends. Its calls are performed all the same.
    async fn moved_by_a_command_that_is_killed(&mut self, at: Place, to: Place, servers: &[&MortalServer]) {
        for pause in [5, 20, 60, 150] {
            let (mut command, _) = self.start_move(at, to, None).await;
            sleep(Duration::from_millis(pause)).await;
            command.kill().unwrap();
            command.wait().unwrap();
            self.assert_serves(servers).await;
        }
        for number in 1..50 {
            let (mut command, caller) = self.start_move(at, to, Some(number)).await;
            while caller.calls().await < number {
                if let Some(status) = command.try_wait().unwrap() {
                    let said = fs::read_to_string(self.log()).unwrap();
                    assert!(status.success(), "{said}");
                    // Once more, as if nobody had seen that it had ended.
                    let (mut again, _) = self.start_move(at, to, None).await;
                    assert!(again.wait().unwrap().success(), "{}", fs::read_to_string(self.log()).unwrap());
                    return self.assert_serves(servers).await;
                }
                sleep(Duration::from_millis(2)).await;
            }
            self.assert_serves(servers).await;
            command.kill().unwrap();
            command.wait().unwrap();
        }
        panic!("it never ends");
    }

    async fn start_move(&mut self, at: Place, to: Place, hold: Option<u64>) -> (Child, Caller) {
        self.runs += 1;
        let caller = self.region.caller();
        if let Some(number) = hold {
            caller.hold_from(number).await;
        }
        let (at, to) = (setting(&self.wrapping_keys, at), setting(&self.wrapping_keys, to));
        let arguments = ["keys", "move", "--to", &to, "--json"];
        let mut command = keyward(self.folder.path(), &arguments, &environment(&at, &caller));
        command.stdout(Stdio::null()).stderr(File::create(self.log()).unwrap());
        (command.spawn().unwrap(), caller)
    }

    /// What the last run said.
    fn log(&self) -> PathBuf {
        self.folder.path().join(format!("run-{}.log", self.runs))
    }

    async fn ring(&self) -> Ring {
        let path = self.folder.path().join("keyward-data/keyward.db");
        let store = Sqlite::open(&Location::File(path), false, Realm::main()).unwrap();
        Ring::parse(&store.ring(RingDocument::Ring).await.unwrap().unwrap().body).unwrap()
    }

    /// Every signing key in KMS is one of the ring, or a run said that nothing uses it, or how to find it: no run but the
    /// killed one can know its name.
    async fn assert_no_key_is_left_in_kms(&self) {
        let ring = self.ring().await;
        let used: Vec<_> = ring.keys.iter().filter_map(|key| kept_key(&key.wrapped)).collect();
        let logs = (1..=self.runs).map(|run| self.folder.path().join(format!("run-{run}.log")));
        let said: String = logs.map(|log| fs::read_to_string(log).unwrap()).collect();
        let all_are_named = said.contains("interrupted while it made keys in KMS");
        for key in self.region.signing_keys().await {
            assert!(used.contains(&key.as_str()) || said.contains(&key) || all_are_named, "{key}: {said}");
        }
    }
}

fn setting(wrapping_keys: &[String; 2], place: Place) -> String {
    let [one, other] = wrapping_keys;
    match place {
        Place::File => "local:keyward-data/master.key".to_owned(),
        Place::Envelope => format!("kms-envelope:{one}"),
        Place::OtherEnvelope => format!("kms-envelope:{other}"),
        Place::Sign => format!("kms-sign:{one}"),
        Place::OtherSign => format!("kms-sign:{other}"),
    }
}

fn environment<'a>(keys: &'a str, caller: &'a Caller) -> Vec<(&'a str, &'a str)> {
    let settings = [
        ("KEYWARD_SIGNING_ALGS", "ES256"),
        ("KEYWARD_KEYS", keys),
        ("KEYWARD_ROTATION", "self"),
        ("KEYWARD_KEY_PUBLISH_LEAD", LEAD.0),
    ];
    settings.into_iter().chain(caller.environment()).collect()
}

fn serve(folder: &Path, keys: &str, caller: &Caller) -> MortalServer {
    MortalServer::start_with(folder, &environment(keys, caller))
}

fn verify(token: &str, jwks: &Value) {
    let set: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
    let key = set.find(header(token)["kid"].as_str().unwrap()).unwrap_or_else(|| panic!("{token}: {jwks}"));
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_aud = false;
    decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
}

async fn moves(from: Place, to: Place) {
    let (mut world, former) = World::begin(from).await;
    world.moved_by_a_command_that_is_killed(from, to, &[&former]).await;
    // A key that can't leave KMS signs for one lead more.
    sleep(LEAD.1 + Duration::from_secs(1)).await;
    let new = world.serve(to);
    world.assert_serves(&[&former, &new]).await;
    drop(former);
    world.moved_by_a_command_that_is_killed(to, to, &[&new]).await;
    let ring = world.ring().await;
    assert!(ring.moving_to.is_none() && ring.keys.iter().all(|key| key.moved.is_none()));
    // All servers use what the new custody made, after one lead.
    sleep(LEAD.1 + Duration::from_secs(1)).await;
    let cold = world.serve(to);
    world.assert_serves(&[&new, &cold]).await;
    for token in world.tokens.iter().rev().take(4) {
        let kid = header(token)["kid"].as_str().unwrap().to_owned();
        let key = ring.keys.iter().find(|key| key.kid == kid).unwrap();
        assert_eq!(Form::of(&key.wrapped), to.form());
    }
    world.assert_no_key_is_left_in_kms().await;
}

#[tokio::test]
async fn from_a_file_to_an_envelope() {
    moves(Place::File, Place::Envelope).await;
}

#[tokio::test]
async fn from_a_file_to_kms() {
    moves(Place::File, Place::Sign).await;
}

#[tokio::test]
async fn from_an_envelope_to_a_file() {
    moves(Place::Envelope, Place::File).await;
}

#[tokio::test]
async fn from_kms_to_a_file() {
    moves(Place::Sign, Place::File).await;
}

#[tokio::test]
async fn from_an_envelope_to_kms() {
    moves(Place::Envelope, Place::Sign).await;
}

#[tokio::test]
async fn from_kms_to_an_envelope() {
    moves(Place::Sign, Place::Envelope).await;
}

#[tokio::test]
async fn from_an_envelope_to_one_of_another_key() {
    moves(Place::Envelope, Place::OtherEnvelope).await;
}

#[tokio::test]
async fn from_kms_to_kms_with_another_key() {
    moves(Place::Sign, Place::OtherSign).await;
}
