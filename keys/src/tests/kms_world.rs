//! KMS on this machine: our emulator, whose faults and counts belong to one caller, and ministack.

use super::*;
use crate::ceiling::Ceiling;
use crate::kms::meter::Meter;
use crate::kms::{KmsMaker, KmsOpener, Mode};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use storage::contract::{local_aws, ministack};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More signatures than any test makes.
pub(super) const UNLIMITED: u32 = u32::MAX;

/// How long a slow call takes: longer than a process that signs waits.
const SLOW: Duration = Duration::from_secs(10);

/// An emulator as one caller uses it.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) name: &'static str,
    endpoint: String,
    caller: String,
}

/// The emulators that this machine has.
pub(super) fn clouds() -> Vec<Cloud> {
    let theirs = ministack::available().map(|emulator| Cloud {
        name: "ministack",
        endpoint: emulator.endpoint().to_owned(),
        caller: "test".to_owned(),
    });
    std::iter::once(Cloud::local()).chain(theirs).collect()
}

impl Cloud {
    pub(super) fn local() -> Self {
        static CALLERS: AtomicU64 = AtomicU64::new(1);
        let caller = format!("AKIATEST{:08}", CALLERS.fetch_add(1, Ordering::SeqCst));
        Self { name: "local-aws", endpoint: local_aws::emulator().endpoint().to_owned(), caller }
    }

    /// The same emulator as another caller.
    pub(super) fn caller(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), ..Self::local() }
    }

    fn environment(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                &self.caller,
                "test",
                None,
                None,
                "test",
            )))
            .endpoint_url(&self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    fn client(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.environment())
    }

    /// A new symmetric key: its ARN.
    pub(super) async fn key(&self) -> String {
        self.client().create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap()
    }

    /// Another name of a key.
    pub(super) async fn alias(&self, key: &str) -> String {
        static ALIASES: AtomicU64 = AtomicU64::new(1);
        let name = format!("alias/test-{}", ALIASES.fetch_add(1, Ordering::SeqCst));
        self.client().create_alias().alias_name(&name).target_key_id(key).send().await.unwrap();
        name
    }

    /// The tags of a key.
    pub(super) async fn tags(&self, key: &str) -> BTreeMap<String, String> {
        let tags = self.client().list_resource_tags().key_id(key).send().await.unwrap().tags.unwrap();
        tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect()
    }

    pub(super) async fn disable(&self, key: &str) {
        self.client().disable_key().key_id(key).send().await.unwrap();
    }

    pub(super) async fn schedule_deletion(&self, key: &str) {
        self.client().schedule_key_deletion().key_id(key).send().await.unwrap();
    }

    pub(super) fn custody(&self, mode: Mode, key: &str, realm: Realm) -> Custody {
        self.custody_with(mode, key, realm, Ceiling::new(UNLIMITED, Arc::new(FakeClock::new(START))))
    }

    pub(super) fn custody_with(&self, mode: Mode, key: &str, realm: Realm, ceiling: Ceiling) -> Custody {
        let environment = self.environment();
        let entropy = Arc::new(entropy::SystemEntropy);
        let maker = KmsMaker::new(&environment, key, mode, realm.clone(), entropy);
        let opener = KmsOpener::new(&environment, key, realm, ceiling);
        Custody { opener: Arc::new(opener), maker: Some(Arc::new(maker)) }
    }

    /// The same, with its calls noted.
    pub(super) fn measured(&self, mode: Mode, key: &str, meter: Arc<dyn Meter>) -> Custody {
        let (environment, entropy) = (self.environment(), Arc::new(entropy::SystemEntropy));
        let ceiling = Ceiling::new(UNLIMITED, Arc::new(FakeClock::new(START)));
        let maker = KmsMaker::new(&environment, key, mode, Realm::main(), entropy);
        let opener = KmsOpener::new(&environment, key, Realm::main(), ceiling);
        let (maker, opener) = (maker.measured(Arc::clone(&meter)), opener.measured(meter));
        Custody { opener: Arc::new(opener), maker: Some(Arc::new(maker)) }
    }

    /// How often each operation was called, since the last look.
    pub(super) async fn calls(&self) -> BTreeMap<String, u64> {
        let path = format!("/_kms/calls?caller={}", self.caller);
        let calls = serde_json::from_str(&self.control("GET", &path, "").await).unwrap();
        self.control("DELETE", &path, "").await;
        calls
    }

    /// Makes calls fail from now on, or so many of them.
    pub(super) async fn fault(&self, operation: &str, kind: &str, times: Option<u64>) {
        let mut rule: Value = json!({ "caller": self.caller, "operation": operation, "kind": kind, "millis": SLOW.as_millis() as u64 });
        if let Some(times) = times {
            rule["times"] = times.into();
        }
        self.control("POST", "/_kms/faults", &rule.to_string()).await;
    }

    pub(super) async fn well(&self) {
        self.control("DELETE", &format!("/_kms/faults?caller={}", self.caller), "").await;
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> String {
        let address = self.endpoint.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// Where keys are.
#[derive(Clone)]
pub(super) enum Place {
    File(PathBuf),
    Kms(Cloud, Mode, String),
}

impl Place {
    pub(super) fn custody(&self) -> Custody {
        match self {
            Self::File(path) => {
                let entropy = Arc::new(entropy::SystemEntropy);
                Custody::of(LocalCustody::new(path.clone(), Realm::main(), entropy))
            }
            Self::Kms(cloud, mode, key) => cloud.custody(*mode, key, Realm::main()),
        }
    }
}
