//! How many calls a server and a rotation make to KMS, as the emulator counts them by access key.

use super::requests::*;
use conformance::BEGIN;
use keys::clock::FakeClock;
use keys::entropy::SystemEntropy;
use keys::kms::{KmsMaker, KmsOpener, Mode};
use keys::{Ceiling, Custody, kept_key};
use protocol::id::Realm;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HOURS_OF_A_MONTH: u32 = 31 * 24;

/// Calls by operation.
pub(super) type Calls = BTreeMap<String, u64>;

/// What a mode needs of KMS.
pub(super) struct Needs {
    /// What a process does, and its calls.
    pub(super) steps: Vec<(&'static str, Calls)>,
    /// What happens once a month, and its calls.
    pub(super) months: Vec<(&'static str, Calls)>,
    /// The KMS keys that there are: while no key is retiring, and at most.
    pub(super) keys: (usize, usize),
}

/// A server in this mode with these `signing_algs`, and the rotation, each with an access key of its own.
pub(super) async fn needs(mode: Mode, algs: &str) -> Needs {
    let (server, rotation) = (Caller::new(), Caller::new());
    let key = rotation.create_key().await;
    let emulator = local_aws::emulator();
    let clock = Arc::new(FakeClock::new(BEGIN));
    let opener =
        KmsOpener::new(&emulator.settings(&server.0), &key, Realm::main(), Ceiling::new(u32::MAX, clock));
    let entropy = Arc::new(SystemEntropy);
    let maker = KmsMaker::new(&emulator.settings(&rotation.0), &key, mode, Realm::main(), entropy);
    let custody = Custody { opener: Arc::new(opener), maker: Some(Arc::new(maker)) };
    rotation.calls().await;
    let world = World::kept_by(custody, &[("KEYWARD_SIGNING_ALGS", algs)]).await;
    let first = rotation.calls().await;
    let mut steps = vec![("a cold start", server.calls().await)];
    tokens(&world, &server, &mut steps).await;
    assert_eq!(rotation.calls().await, Calls::new(), "only a rotation makes keys");
    let settled = kms_keys(&world).await;
    let mut most = settled;
    for _ in 0..HOURS_OF_A_MONTH {
        world.pass(3600);
        server::upkeep::look_after_keys(&world.app).await;
        server::upkeep::sweep(&world.app).await;
        most = most.max(kms_keys(&world).await);
    }
    let months = vec![
        ("the first keys, once", first),
        ("a rotation", rotation.calls().await),
        ("a server, for the keys of a rotation", server.calls().await),
    ];
    Needs { steps, months, keys: (settled, most) }
}

async fn tokens(world: &World, server: &Caller, steps: &mut Vec<(&'static str, Calls)>) {
    world.alice().await;
    world.single_page().await;
    let (_, ask) = machine(world).await;
    world.send(ask()).await.expect_ok();
    steps.push(("client credentials", server.calls().await));
    let mut browser = Browser::new();
    let page = browser.visit(world, &request()).await;
    let consent = browser.sign_in(world, &page, "alice", PASSWORD).await;
    let answer = browser.consent(world, &consent, "approve").await;
    steps.push(("sign-in and consent, up to the code", server.calls().await));
    let tokens = world.send(redeem(&code(&answer))).await.expect_ok();
    steps.push(("code to tokens, with an ID token", server.calls().await));
    world.pass(31);
    let fresh = world.send(refresh(&tokens)).await.expect_ok();
    steps.push(("refresh, with an ID token", server.calls().await));
    world.send(userinfo(&fresh)).await.expect_ok();
    for path in ["/jwks", "/.well-known/openid-configuration", "/readyz"] {
        world.send(get(path)).await.expect_ok();
    }
    steps.push(("userinfo, metadata, key set, `/readyz`", server.calls().await));
}

/// How many KMS keys the ring names.
async fn kms_keys(world: &World) -> usize {
    let snapshot = world.app.keys.fresh().await.unwrap();
    1 + snapshot.ring().keys.iter().filter(|key| kept_key(&key.wrapped).is_some()).count()
}

trait ExpectOk {
    fn expect_ok(self) -> Self;
}

impl ExpectOk for Answer {
    fn expect_ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }
}

/// An access key that no other caller of the emulator has.
struct Caller(String);

impl Caller {
    fn new() -> Self {
        static CALLERS: AtomicU32 = AtomicU32::new(1);
        Self(format!("AKIACOST{:08}", CALLERS.fetch_add(1, Ordering::Relaxed)))
    }

    /// The calls since the last look.
    async fn calls(&self) -> Calls {
        let path = format!("/_kms/calls?caller={}", self.0);
        let calls = serde_json::from_str(&send("GET", &path, "", "").await).unwrap();
        send("DELETE", &path, "", "").await;
        calls
    }

    /// A new symmetric key.
    async fn create_key(&self) -> String {
        let headers = format!(
            "X-Amz-Target: TrentService.CreateKey\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={}/20270115/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=0\r\n",
            self.0
        );
        let made: Value = serde_json::from_str(&send("POST", "/", &headers, "{}").await).unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }
}

/// Sends a request to the emulator; returns the body of the answer.
async fn send(method: &str, path: &str, headers: &str, body: &str) -> String {
    let address = local_aws::emulator().endpoint().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
