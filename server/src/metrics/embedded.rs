//! Metrics in a line of the log: on Lambda nobody can read `/metrics`. Queries of the log read them. Of those that alarms need,
//! CloudWatch makes metrics, by its embedded metric format; each costs by the hour in which it comes, so only values other
//! than 0 are declared.
//!
//! Counts are those since the line before, so CloudWatch adds up the lines of all instances.

use super::gauges::Gauges;
use super::registry::Registry;
use super::sign_ins::SignIn;
use crate::every_minute::EveryMinute;
use protocol::time::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Where CloudWatch lists its metrics.
const NAMESPACE: &str = "Keyward";
/// Those that it makes metrics of, unless they are 0: what the alarms need.
pub(super) const ALARMING: [&str; 4] = ["SignInsThrottled", "StoreErrors", "KmsErrors", "KeyRotationOverdue"];
/// Their dimension.
const DIMENSION: &str = "FunctionName";

/// All of them: name, unit and meaning. First the counts, in the order of [`counts`].
pub(super) const NAMES: [(&str, &str, &str); COUNTS + 4] = [
    ("Requests", "Count", "requests that began"),
    ("ClientErrors", "Count", "answers with a status from 400 to 499"),
    ("ServerErrors", "Count", "answers with a status from 500"),
    ("SignIns", "Count", "sign-ins"),
    ("SignInFailures", "Count", "sign-ins with a wrong password or an unknown user"),
    (
        "SignInsThrottled",
        "Count",
        "sign-ins that were not checked because too many had failed or were waiting",
    ),
    ("StoreErrors", "Count", "calls of the store that failed"),
    ("KmsErrors", "Count", "calls of AWS KMS that failed after retries"),
    ("KeyRingAge", "Seconds", "time since the key ring was last read"),
    (
        "KeyRotationDue",
        "Seconds",
        "time until the next signing key takes over; negative when it should have and there is none",
    ),
    (
        "KeyRotationOverdue",
        "Count",
        "1 if a signing key has no successor although its period is over, else 0",
    ),
    ("PasswordTime", "Milliseconds", "mean time of a password computation; left out if there was none"),
];
const COUNTS: usize = 8;

/// Writes the lines of one function.
#[derive(Debug)]
pub struct EmbeddedMetrics {
    function: String,
    next: EveryMinute,
    /// The counts of the last line.
    told: [AtomicU64; COUNTS],
    passwords: AtomicU64,
    password_nanoseconds: AtomicU64,
}

impl EmbeddedMetrics {
    /// For the function of this name.
    pub fn new(function: &str) -> Self {
        Self {
            function: function.to_owned(),
            next: EveryMinute::default(),
            told: std::array::from_fn(|_| AtomicU64::new(0)),
            passwords: AtomicU64::new(0),
            password_nanoseconds: AtomicU64::new(0),
        }
    }

    /// Whether a line is due: a minute after the last. True for one caller.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next.is_due(Duration::from_millis(now.millis()))
    }

    /// One line of JSON for standard output; `None` if nothing was counted since the last. To be called when
    /// [`Self::is_due`], and before the process ends.
    pub fn line(&self, registry: &Registry, gauges: &Gauges<'_>) -> Option<String> {
        let since = |told: &AtomicU64, now: u64| now.saturating_sub(told.swap(now, Relaxed));
        let mut values: Vec<Value> =
            self.told.iter().zip(counts(registry)).map(|(told, now)| since(told, now).into()).collect();
        let took = gauges.passwords.took.read();
        let passwords = since(&self.passwords, took.count());
        let nanoseconds = since(&self.password_nanoseconds, took.nanoseconds);
        if values.iter().all(|value| *value == 0) && passwords == 0 {
            return None;
        }
        values.push(gauges.now.since(gauges.ring.read_at).as_secs().into());
        values.push(gauges.seconds_to_rotation().into());
        values.push(u8::from(gauges.ring.overdue).into());
        values.extend(nanoseconds.checked_div(passwords).map(|mean| (mean / 1_000_000).into()));
        let mut line = Map::new();
        let (time, values) = (gauges.now.millis(), NAMES.iter().zip(values));
        let alarming = values.clone().filter(|((name, ..), value)| ALARMING.contains(name) && *value != 0);
        let metrics: Vec<Value> =
            alarming.map(|((name, unit, _), _)| json!({ "Name": name, "Unit": unit })).collect();
        if !metrics.is_empty() {
            let directive =
                json!({ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics });
            line.insert("_aws".into(), json!({ "Timestamp": time, "CloudWatchMetrics": [directive] }));
        }
        line.insert(DIMENSION.into(), self.function.as_str().into());
        line.extend(values.map(|((name, ..), value)| ((*name).to_owned(), value)));
        Some(Value::Object(line).to_string())
    }
}

fn counts(registry: &Registry) -> [u64; COUNTS] {
    let Registry { requests, sign_ins, store, kms, .. } = registry;
    [
        requests.begun(),
        requests.of_status("4xx"),
        requests.of_status("5xx"),
        sign_ins.of(SignIn::Success),
        sign_ins.of(SignIn::Failure),
        sign_ins.of(SignIn::Throttled) + sign_ins.of(SignIn::Busy),
        store.each().map(|(_, calls)| calls.failed()).sum(),
        kms.failed(),
    ]
}
