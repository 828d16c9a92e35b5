//! An issuer that programs reach by https, and its tokens. One for all tests.

use super::AUDIENCE;
use conformance::{Browser, CHALLENGE, Party, REDIRECT, VERIFIER, With as _, World, form, query};
use http::Request;
use keys::clock::{Clock as _, SystemClock};
use protocol::base64url;
use protocol::id::ClientId;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use serde_json::{Value, json};
use server::routes;
use server::transport::http::{Limits, serve};
use server::transport::tls;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a test has to know about the issuer.
pub(super) struct Issuer {
    pub(super) name: String,
    /// Its certificate, which is its authority, too.
    pub(super) certificate: String,
    pub(super) accepted: Vec<String>,
    /// Tokens to refuse: the status, why, and the token.
    pub(super) refused: Vec<(u16, &'static str, String)>,
}

/// The issuer, whose thread runs until the tests end.
pub(super) fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                ready.send(start().await).unwrap();
                std::future::pending::<()>().await;
            });
        });
        started.recv().unwrap()
    })
}

async fn start() -> Issuer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let settings = [("KEYWARD_ISSUER", name.as_str()), ("KEYWARD_SIGNING_ALGS", "RS256,ES256")];
    let now = SystemClock.now();
    let hour = Duration::from_secs(3600);
    let world = World::at(Timestamp::from_seconds(now.seconds() - hour.as_secs()), &settings).await;

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = TempDir::new().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let (tls, router) = (tls::acceptor(&chain, &key).unwrap(), routes::router(world.app.clone(), None));
    tokio::spawn(serve(listener, Some(tls), router, Limits::default(), std::future::pending()));

    let (accepted, refused) = tokens(&world).await;
    Issuer { name, certificate: own.cert.pem(), accepted, refused }
}

async fn tokens(world: &World) -> (Vec<String>, Vec<(u16, &'static str, String)>) {
    let worker = json!({
        "client_id": "worker",
        "grant_types": ["client_credentials"],
        "scope": "orders:read orders:write",
        "audiences": [AUDIENCE, "https://payments.example.com"],
    });
    let mut another = worker.clone();
    another["client_id"] = json!("another");
    another["id_token_signed_response_alg"] = json!("ES256");
    let shop = json!({
        "client_id": "shop",
        "redirect_uris": [REDIRECT],
        "scope": "openid orders:read",
        "audiences": [AUDIENCE],
    });
    let (worker, another, shop) =
        (world.client(worker).await, world.client(another).await, world.client(shop).await);
    let shop = named_like_the_api(world, shop).await;
    world.alice().await;

    let reading = &[("scope", "orders:read")];
    let expired = of_machine(world, &worker, reading).await;
    world.pass(3600);
    let of_alice = of_alice(world, &shop).await;
    let [access, id] = ["access_token", "id_token"].map(|name| of_alice[name].as_str().unwrap().to_owned());
    let rs256 = of_machine(world, &worker, reading).await;
    let es256 = of_machine(world, &another, reading).await;
    let writing = of_machine(world, &worker, &[("scope", "orders:write")]).await;
    let payments = [("scope", "orders:read"), ("resource", "https://payments.example.com")];
    let payments = of_machine(world, &worker, &payments).await;

    assert_eq!([&rs256, &es256].map(|token| conformance::header(token)["alg"].clone()), ["RS256", "ES256"]);
    assert_eq!(conformance::claims(&id)["aud"], AUDIENCE);
    let (signed, _) = rs256.rsplit_once('.').unwrap();
    let (_, signature) = writing.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    let (_, body) = signed.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.");
    let refused = vec![
        (401, "another audience", payments),
        (401, "expired", expired),
        (401, "no expiry", without_expiry(world, &rs256).await),
        (401, "the signature of another token", forged),
        (401, "no signature", unsigned),
        (401, "an ID token", id),
        (401, "no token", String::new()),
        (403, "another scope", writing),
    ];
    (vec![rs256, es256, access], refused)
}

/// An ID token is for its client, so this one's are for the API's URI. Such a client can't be registered any more.
async fn named_like_the_api(world: &World, Party { mut client, secret }: Party) -> Party {
    client.id = ClientId::parse(AUDIENCE).unwrap();
    let admin = world.admin();
    assert!(admin.store.create_client(&client, admin.call).await.unwrap().is_done());
    Party { client, secret }
}

/// A token of the issuer that it would not issue.
async fn without_expiry(world: &World, token: &str) -> String {
    let mut claims = conformance::claims(token);
    claims.as_object_mut().unwrap().remove("exp").unwrap();
    let header = token.split('.').next().unwrap();
    let input = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
    let keys = &world.app.keys;
    let ring = keys.published().await.unwrap();
    let signer = keys.signer(&ring, Some(Algorithm::RS256), SystemClock.now()).await.unwrap();
    format!("{input}.{}", base64url::encode(&signer.sign(input.as_bytes()).await.unwrap()))
}

async fn of_machine(world: &World, client: &Party, parameters: &[(&str, &str)]) -> String {
    let parameters = [&[("grant_type", "client_credentials")], parameters].concat();
    redeem(world, client, form("/token", &parameters)).await["access_token"].as_str().unwrap().to_owned()
}

async fn of_alice(world: &World, client: &Party) -> Value {
    let request = [
        ("response_type", "code"),
        ("client_id", client.id()),
        ("redirect_uri", REDIRECT),
        ("scope", "openid orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let path = format!("/authorize?{}", query(&request));
    let answer = Browser::new().authorize(world, &path).await.to_client();
    let code = answer.get("code").unwrap();
    let grant = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
    redeem(world, client, form("/token", &[grant.as_slice(), &[("code_verifier", VERIFIER)]].concat())).await
}

async fn redeem(world: &World, client: &Party, request: Request<axum::body::Body>) -> Value {
    world.send(request.with("authorization", &client.basic())).await.json()
}
