//! What `seed` leaves in a store and in its folder.

use conformance::plans;
use conformance::process::run_with;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use storage::contract::local_aws;
use tempfile::TempDir;

const SETTINGS: [(&str, &str); 2] =
    [("KEYWARD_ISSUER", "https://127.0.0.1:9443"), ("KEYWARD_SIGNING_ALGS", "ES256")];

/// A folder with an empty store, and the settings for it.
struct Store {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Store {
    fn sqlite() -> Self {
        Self::migrated([].into())
    }

    fn dynamodb() -> Self {
        let mut settings = Vec::from(local_aws::environment().map(|(name, value)| (name, value.to_owned())));
        settings.push(("KEYWARD_STORAGE", format!("dynamodb:{}", local_aws::table_name())));
        Self::migrated(settings)
    }

    fn migrated(mut settings: Vec<(&'static str, String)>) -> Self {
        settings.extend(SETTINGS.map(|(name, value)| (name, value.to_owned())));
        let store = Self { folder: TempDir::new().unwrap(), settings };
        let done = run_with(store.path(), &["storage", "migrate"], &store.settings(), "");
        assert!(done.status.success(), "{done:?}");
        store
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn seed(&self, arguments: &[&str]) -> Output {
        seed(self.path(), &self.settings(), arguments)
    }

    fn keyward(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_slice(&run_with(self.path(), &arguments, &self.settings(), "").stdout).unwrap()
    }
}

fn seed(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seed"));
    command
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

fn message(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn read(folder: &Path, plan: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("oidf").join(format!("{plan}.json"))).unwrap()).unwrap()
}

#[test]
fn it_makes_the_user_the_clients_and_the_configurations() {
    for store in [Store::sqlite(), Store::dynamodb()] {
        makes_everything(&store);
    }
}

fn makes_everything(store: &Store) {
    let output = store.seed(&["--suite", "https://suite.example/", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(document["issuer"], "https://127.0.0.1:9443");
    let names: Vec<_> = document["plans"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["basic", "config", "form-post", "logout"]);
    let alice = store.keyward(&["user", "show", "alice@example.com"]);
    assert_eq!((&alice["username"], &alice["email_verified"]), (&"alice".into(), &true.into()));
    assert_eq!(alice["claims"], Value::from(plans::person().claims));
    let client = store.keyward(&["client", "show", "oidf-logout-client"]);
    let after = "https://suite.example/test/a/keyward-logout/post_logout_redirect";
    assert_eq!(client["post_logout_redirect_uris"][0], after);
    assert_eq!(client["pkce_required"], false);
    assert_eq!(store.keyward(&["client", "list"]).as_array().unwrap().len(), 7);
    let basic = read(store.path(), "basic");
    assert_eq!(basic["client_secret_post"]["client_id"], "oidf-basic-client-secret-post");
    assert!(basic["client"]["client_secret"].as_str().unwrap().starts_with("kws_"));
    assert_eq!(read(store.path(), "config").get("client"), None);
    for file in ["oidf/basic.json", "oidf/tls.key"] {
        let mode = std::fs::metadata(store.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} holds secrets");
    }
    let (certificate, key) = (store.path().join("oidf/tls.crt"), store.path().join("oidf/tls.key"));
    assert!(server::transport::tls::acceptor(&certificate, &key).is_ok());
}

#[test]
fn a_second_run_replaces_everything() {
    for store in [Store::sqlite(), Store::dynamodb()] {
        assert!(store.seed(&[]).status.success());
        let before = read(store.path(), "basic");
        assert!(store.seed(&[]).status.success());
        let after = read(store.path(), "basic");
        assert_eq!(before["client"]["client_id"], after["client"]["client_id"]);
        assert_ne!(before["client"]["client_secret"], after["client"]["client_secret"]);
        assert_ne!(before["browser"], after["browser"], "the password");
        assert_eq!(store.keyward(&["user", "list"]).as_array().unwrap().len(), 1);
    }
}

#[test]
fn it_keeps_away_from_whatever_others_can_reach() {
    let store = Store::sqlite();
    let issuer = |issuer| [("KEYWARD_ISSUER", issuer), SETTINGS[1]];
    let elsewhere = seed(store.path(), &issuer("https://auth.example.com"), &[]);
    assert!(message(&elsewhere).contains("is no loopback issuer"), "{elsewhere:?}");
    let plain = seed(store.path(), &issuer("http://localhost:8080"), &[]);
    assert!(message(&plain).contains("--tls-cert"), "{plain:?}");
    let nameless = seed(store.path(), &SETTINGS[1..], &[]);
    assert!(message(&nameless).contains("`issuer`"), "{nameless:?}");
    assert_eq!(store.keyward(&["user", "list"]), serde_json::json!([]), "nothing was made");
    assert!(!store.path().join("oidf").exists());
    let storeless = TempDir::new().unwrap();
    assert!(message(&seed(storeless.path(), &SETTINGS, &[])).contains("storage migrate"));
}

/// The store's issuer counts, not that of the settings.
#[test]
fn a_claimed_store_keeps_its_issuer() {
    let folder = TempDir::new().unwrap();
    let settings = [("KEYWARD_ISSUER", "https://auth.example.com"), SETTINGS[1]];
    conformance::process::Process::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &settings)
        .kill();
    let output = seed(folder.path(), &SETTINGS, &[]);
    assert!(message(&output).contains("https://auth.example.com is no loopback issuer"), "{output:?}");
}
