//! KMS on this machine (`conformance/local-aws`), as processes use it: keys in a region of the test's own, and faults and
//! counts for one process.

use conformance::over_http;
use http::header::{AUTHORIZATION, HOST};
use http::{Request, request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use storage::contract::local_aws;

/// A region that no other test uses.
pub(crate) struct Region(String);

impl Region {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        Self(format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// A new symmetric key: its ARN.
    pub(crate) async fn key(&self) -> String {
        let made = self.call("CreateKey", json!({})).await;
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// The state of a key.
    pub(crate) async fn state(&self, arn: &str) -> String {
        let described = self.call("DescribeKey", json!({ "KeyId": arn })).await;
        described["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
    }

    /// Disables a key.
    pub(crate) async fn disable(&self, arn: &str) {
        self.call("DisableKey", json!({ "KeyId": arn })).await;
    }

    /// The ARNs of the keys that the product made to sign with.
    pub(crate) async fn signing_keys(&self) -> BTreeSet<String> {
        let listed = self.call("ListKeys", json!({ "Limit": 1000 })).await;
        let mut found = BTreeSet::new();
        for key in listed["Keys"].as_array().unwrap() {
            let tags = self.call("ListResourceTags", json!({ "KeyId": key["KeyId"] })).await;
            if tags["Tags"].as_array().unwrap().iter().any(|tag| tag["TagValue"] == "signing-key") {
                found.insert(key["KeyArn"].as_str().unwrap().to_owned());
            }
        }
        found
    }

    /// A caller that nobody else is.
    pub(crate) fn caller(&self) -> Caller {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let key = format!("AKIAPROCESS{:08}", COUNT.fetch_add(1, Ordering::Relaxed));
        Caller { key, region: self.0.clone() }
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let credential = format!("Credential=test/20260101/{}/kms/aws4_request", self.0);
        let request = Request::post("/")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .header(AUTHORIZATION, format!("AWS4-HMAC-SHA256 {credential}"));
        // Some answers are empty.
        serde_json::from_str(&send(request, &body.to_string()).await).unwrap_or_default()
    }
}

/// Who calls KMS: one process, or several that share their faults.
pub(crate) struct Caller {
    key: String,
    region: String,
}

impl Caller {
    /// The variables by which a process is this caller.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL_KMS", local_aws::emulator().endpoint()),
            ("AWS_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", &self.key),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }

    /// The calls from this one on are performed, but not answered.
    pub(crate) async fn hold_from(&self, number: u64) {
        self.fault(json!({ "kind": "slow", "millis": 0, "times": number - 1 })).await;
        self.fault(json!({ "kind": "slow", "millis": 600_000 })).await;
    }

    /// KMS is away, in a way that `kind` names. `slow`: it never answers.
    pub(crate) async fn away(&self, kind: &str) {
        self.fault(json!({ "kind": kind, "millis": 600_000 })).await;
    }

    /// KMS is back.
    pub(crate) async fn back(&self) {
        send(Request::delete(format!("/_kms/faults?caller={}", self.key)), "").await;
    }

    /// How many calls there were.
    pub(crate) async fn calls(&self) -> u64 {
        let counts = send(Request::get(format!("/_kms/calls?caller={}", self.key)), "").await;
        let counts: Value = serde_json::from_str(&counts).unwrap();
        counts.as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }

    async fn fault(&self, mut rule: Value) {
        (rule["caller"], rule["operation"]) = (self.key.as_str().into(), "*".into());
        send(Request::post("/_kms/faults"), &rule.to_string()).await;
    }
}

/// Sends a request to the emulator, and returns the body of the answer.
async fn send(request: request::Builder, body: &str) -> String {
    let address = local_aws::emulator().endpoint().strip_prefix("http://").unwrap();
    let request = request.header(HOST, address).body(body.to_owned().into()).unwrap();
    let answer = over_http(address.parse().unwrap(), request).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.text().to_owned()
}
