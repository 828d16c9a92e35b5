//! A server of a test's own, with its clock, store and faults.

use crate::answer::Answer;
use crate::lambda;
use crate::request;
use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::HOST;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use keys::clock::{Clock as _, FakeClock};
use protocol::client::Client;
use protocol::id::Realm;
use protocol::issuer::Issuer;
use protocol::time::Timestamp;
use protocol::user::User;
use serde_json::{Map, Value, json};
use server::admin::Admin;
use server::admin::metadata::Registration;
use server::admin::users::NewUser;
use server::app::{App, Parts};
use server::config::Settings;
use server::config::env::Env;

use keys::entropy::{SeededEntropy, SystemEntropy};
use keys::tap::{Observer, observed};
use keys::{Custody, Keys, LocalCustody};
use server::config::raw::Raw;
use server::config::resolve::{Surroundings, resolve};
use server::metrics::Registry;
use server::password::Passwords;
use server::transport::http::{Limits, serve};
use server::{assembly, routes};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::contract::local_aws;
use storage::tap::{Counts, Faults, Tap};
use storage::{Location, Sqlite, Store};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;
use zeroize::Zeroizing;

/// When every world begins: 2027-01-15 08:00:00 UTC.
pub const BEGIN: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// How requests reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harness {
    /// Straight into the router.
    Router,
    /// Through the HTTP listener.
    Http,
    /// Straight into the router, with the store on DynamoDB.
    DynamoDb,
    /// As events of an AWS Lambda function.
    Lambda,
}

impl Harness {
    /// An empty store of its kind.
    pub async fn store(self) -> Arc<dyn Store> {
        match self {
            Self::DynamoDb => local_aws::empty().await,
            Self::Router | Self::Http | Self::Lambda => {
                Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap())
            }
        }
    }
}

/// A client with its secret.
#[derive(Clone, Debug)]
pub struct Party {
    /// The record as it was made.
    pub client: Client,
    /// Its secret; empty for a public client.
    pub secret: String,
}

impl Party {
    /// Its id.
    pub fn id(&self) -> &str {
        self.client.id.as_str()
    }

    /// Its `Authorization` header.
    pub fn basic(&self) -> String {
        request::basic(self.id(), &self.secret)
    }
}

/// A server, its clock, its store, and what counts and disturbs calls of the store.
pub struct World {
    /// Stands still until a test moves it.
    pub clock: Arc<FakeClock>,
    /// The store itself, without counts and faults.
    pub store: Arc<dyn Store>,
    /// How many reads and writes the server made.
    pub counts: Arc<Counts>,
    /// Failures that the store is going to have.
    pub faults: Arc<Faults>,
    /// The application.
    pub app: App,
    router: Router,
    listener: Option<SocketAddr>,
    secrets: Mutex<HashMap<String, String>>,
    harness: Harness,
    machine: Arc<Machine>,
}

/// What processes on one machine share besides the store.
struct Machine {
    folder: TempDir,
    /// In place of a master key file in the folder.
    custody: Option<Custody>,
    /// Each process draws from its own random stream, since request ids must differ.
    streams: AtomicU64,
}

impl Machine {
    fn new(custody: Option<Custody>) -> Arc<Self> {
        Arc::new(Self { folder: TempDir::new().unwrap(), custody, streams: AtomicU64::new(1) })
    }
}

impl World {
    /// A server with the issuer `https://op.example` that signs by ES256.
    pub async fn new(harness: Harness) -> Self {
        Self::with(harness, &[]).await
    }

    /// The same with other settings, by their environment names.
    pub async fn with(harness: Harness, settings: &[(&str, &str)]) -> Self {
        Self::on(harness.store().await, harness, settings).await
    }

    /// A server that programs can reach under its own name, `http://127.0.0.1:PORT`.
    pub async fn reachable(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let settings: Vec<_> =
            [("KEYWARD_ISSUER", issuer.as_str())].iter().chain(settings).copied().collect();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap());
        let mut world = Self::on(store, Harness::Router, &settings).await;
        world.listener = Some(serve_on(listener, world.router.clone()));
        world
    }

    /// The same on a store.
    pub async fn on(store: Arc<dyn Store>, harness: Harness, settings: &[(&str, &str)]) -> Self {
        Self::made_of(store, harness, Self::settings(settings), Machine::new(None), BEGIN).await
    }

    /// A server whose clock says `now`, for programs that look at the machine's.
    pub async fn at(now: Timestamp, settings: &[(&str, &str)]) -> Self {
        let (store, settings) = (Harness::Router.store().await, Self::settings(settings));
        Self::made_of(store, Harness::Router, settings, Machine::new(None), now).await
    }

    /// A server with the store in memory and its keys in a custody of the test's own.
    pub async fn kept_by(custody: Custody, settings: &[(&str, &str)]) -> Self {
        let (harness, settings) = (Harness::Router, Self::settings(settings));
        Self::made_of(harness.store().await, harness, settings, Machine::new(Some(custody)), BEGIN).await
    }

    /// A server with a master key file, each use of which the observer is shown.
    pub async fn observed<O: Observer>(observer: &Arc<O>) -> Self {
        let folder = TempDir::new().unwrap();
        let local =
            LocalCustody::new(folder.path().join("master.key"), Realm::main(), Arc::new(SystemEntropy));
        let custody = Some(observed(Custody::of(local), observer));
        let machine = Arc::new(Machine { folder, custody, streams: AtomicU64::new(1) });
        let (store, harness) = (Harness::Router.store().await, Harness::Router);
        Self::made_of(store, harness, Self::settings(&[]), machine, BEGIN).await
    }

    /// Another server on the same store and keys, with other settings.
    pub async fn again(&self, settings: &[(&str, &str)]) -> Self {
        let (store, machine) = (Arc::clone(&self.store), Arc::clone(&self.machine));
        Self::made_of(store, self.harness, Self::settings(settings), machine, BEGIN).await
    }

    fn settings(settings: &[(&str, &str)]) -> Arc<Settings> {
        let mut raw = Raw::of(None, &Env::of(settings)).unwrap();
        raw.set_default("issuer", "https://op.example");
        raw.set_default("signing_algs", "ES256");
        Arc::new(resolve(&raw, Surroundings::default()).unwrap())
    }

    /// Another process on the same store, with the same settings and master key file, whose clock says `now`.
    pub async fn beside(&self, now: Timestamp) -> Self {
        let (settings, machine) = (Arc::clone(&self.app.settings), Arc::clone(&self.machine));
        let other = Self::made_of(Arc::clone(&self.store), self.harness, settings, machine, now).await;
        other.secrets.lock().unwrap().clone_from(&self.secrets.lock().unwrap());
        other
    }

    async fn made_of(
        store: Arc<dyn Store>,
        harness: Harness,
        settings: Arc<Settings>,
        machine: Arc<Machine>,
        now: Timestamp,
    ) -> Self {
        let clock = Arc::new(FakeClock::new(now));
        let entropy = Arc::new(SeededEntropy::new(machine.streams.fetch_add(1, Ordering::SeqCst)));
        let (counts, faults) = (Arc::new(Counts::default()), Arc::new(Faults::default()));
        let tapped: Arc<dyn Store> = Arc::new(Tap::new(Arc::clone(&store), Arc::clone(&faults)));
        let tapped: Arc<dyn Store> = Arc::new(Tap::new(tapped, Arc::clone(&counts)));
        let metrics = Arc::new(Registry::default());
        let tapped = assembly::metered(tapped, &metrics);
        let custody = machine.custody.clone().unwrap_or_else(|| {
            let path = machine.folder.path().join("master.key");
            Custody::of(LocalCustody::new(path, Realm::main(), entropy.clone()))
        });
        let policy = assembly::key_policy(&settings);
        let keys = Keys::open(tapped.clone(), custody, policy, clock.clone(), entropy.clone(), true);
        let parts = Parts {
            settings,
            store: tapped,
            keys: keys.await.unwrap(),
            passwords: Passwords::new(2, 16),
            metrics,
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let app = App::new(parts).unwrap();
        let router = routes::router(app.clone(), None);
        let listener = match harness {
            Harness::Router | Harness::DynamoDb | Harness::Lambda => None,
            Harness::Http => Some(serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), router.clone())),
        };
        counts.take();
        let secrets = Mutex::default();
        Self { clock, store, counts, faults, app, router, listener, secrets, harness, machine }
    }

    /// Where the listener is, if there is one.
    pub fn address(&self) -> SocketAddr {
        self.listener.unwrap()
    }

    /// An operator's next call, on the store under the taps: makes clients and users.
    pub fn admin(&self) -> Admin {
        let claims = self.app.settings.claims.clone();
        let command = Admin::of_command(Arc::clone(&self.store), self.clock.now(), self.app.entropy.clone());
        Admin { claims, ..command }
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.app.settings.issuer
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sends a request; `Host` is the issuer's unless it has its own.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, self.issuer().authority().parse().unwrap());
        }
        match self.listener {
            None if self.harness == Harness::Lambda => lambda::send(self.router.clone(), request).await,
            None => answer(self.router.clone().oneshot(request).await.unwrap()).await.unwrap(),
            Some(address) => over_http(address, request).await,
        }
    }

    /// Makes a client from metadata of RFC 7591.
    pub async fn client(&self, metadata: Value) -> Party {
        let mut registration: Registration = serde_json::from_value(metadata).unwrap();
        registration.client_name.get_or_insert("A client".into());
        let created = self.admin().create_client(&registration, &self.app.settings).await.unwrap();
        let party = Party { client: created.client, secret: created.secret.unwrap_or_default() };
        self.secrets.lock().unwrap().insert(party.id().into(), party.secret.clone());
        party
    }

    /// The `Authorization` header of a client made here.
    pub fn basic(&self, id: &str) -> String {
        request::basic(id, &self.secrets.lock().unwrap()[id])
    }

    /// A confidential client that signs people in at `https://rp.example/cb`.
    pub async fn relying_party(&self) -> Party {
        let metadata = json!({
            "client_id": "rp",
            "client_name": "Relying party",
            "redirect_uris": ["https://rp.example/cb", "https://rp.example/other"],
            "scope": "openid profile email address phone",
        });
        self.client(metadata).await
    }

    /// A public client `spa` that may refresh, at `https://rp.example/cb` too.
    pub async fn single_page(&self) -> Party {
        let metadata = json!({
            "client_id": "spa",
            "client_name": "Single page",
            "redirect_uris": ["https://rp.example/cb"],
            "token_endpoint_auth_method": "none",
            "scope": "openid profile email offline_access",
        });
        self.client(metadata).await
    }

    /// A confidential client that may get tokens for itself, with the scopes `read` and `write`.
    pub async fn machine(&self) -> Party {
        let metadata = json!({
            "client_id": "machine",
            "client_name": "Machine",
            "scope": "read write",
            "audiences": ["https://api.example", "https://two.example"],
        });
        self.client(metadata).await
    }

    /// A user `alice` with the password `correct horse`.
    pub async fn alice(&self) -> User {
        let claims = json!({
            "name": "Alice Adams",
            "birthdate": "1990-04-01",
            "address": { "country": "NL" },
            "phone_number": "+31 20 1234567",
        });
        self.user("alice", Some("alice@example.com"), claims).await
    }

    /// A user with the password `correct horse`.
    pub async fn user(&self, username: &str, email: Option<&str>, claims: Value) -> User {
        let new = NewUser {
            username: username.into(),
            email: email.map(str::to_owned),
            email_verified: false,
            claims: claims.as_object().cloned().unwrap_or_else(Map::new),
            ..NewUser::default()
        };
        let password = Zeroizing::new(PASSWORD.to_owned());
        self.admin().create_user(new, Some((&self.app.passwords, password))).await.unwrap()
    }
}

/// Every test user's password.
pub const PASSWORD: &str = "correct horse";

fn serve_on(listener: TcpListener, router: Router) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    // All callers of a test have one address.
    let limits = Limits { connections_of_one: usize::MAX, ..Limits::default() };
    tokio::spawn(serve(listener, None, router, limits, std::future::pending()));
    address
}

/// Sends a request on a connection of its own.
pub async fn over_http(address: SocketAddr, request: Request<Body>) -> Answer {
    try_over_http(address, request).await.unwrap()
}

/// `None` if the connection ended before the whole answer was there.
pub(crate) async fn try_over_http(address: SocketAddr, request: Request<Body>) -> Option<Answer> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    answer(sender.send_request(request).await.ok()?).await.ok()
}

async fn answer<B: http_body::Body>(response: http::Response<B>) -> Result<Answer, B::Error> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}
