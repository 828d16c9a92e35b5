//! What is counted where, and that both texts say it in their formats.

use super::families::ALL;
use super::requests::OTHER;
use super::*;
use http::StatusCode;
use keys::kms::meter::{CALLS, Meter as _, Outcome};
use keys::{KeyState, RingStatus};
use protocol::Refusal;
use protocol::error::ErrorCode;
use protocol::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use storage::StoreErrorKind;
use storage::metered::Meter as _;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A process whose keys rotate in an hour, at an instant.
fn gauges(took: &Histogram, now: Timestamp) -> Gauges<'_> {
    Gauges {
        now,
        started_at: NOW,
        passwords: PasswordLoad { places: 2, busy: 1, strangers: 3, known: 4, refused: 5, took },
        ring: RingStatus {
            read_at: NOW,
            rotation_due: NOW.plus(Duration::from_secs(3600)),
            overdue: now >= NOW.plus(Duration::from_secs(3600)),
        },
        keys: vec![KeyState::Active, KeyState::Pending, KeyState::Active, KeyState::Removed],
    }
}

fn text(registry: &Registry) -> String {
    render(registry, &gauges(&Histogram::default(), NOW))
}

/// The samples of a text: name with labels, and value.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

fn end(registry: &Registry, path: &str, status: u16, ended: Ended) {
    registry.requests.begin(path).end(StatusCode::from_u16(status).unwrap(), ended);
}

#[test]
fn requests_are_counted_by_endpoint_status_and_code() {
    let registry = Registry::default();
    for _ in 0..3 {
        end(&registry, "/token", 200, Ended::Plain);
    }
    end(&registry, "/token", 400, Ended::Refused(ErrorCode::InvalidGrant));
    end(&registry, "/authorize", 303, Ended::Refused(ErrorCode::UnsupportedResponseType));
    end(&registry, "/login", 503, Ended::Failed(true));
    end(&registry, "/jwks", 500, Ended::Failed(false));
    end(&registry, "/token/", 404, Ended::Plain);
    let going = registry.requests.begin("/token");
    drop(registry.requests.begin("/userinfo"));
    let text = text(&registry);
    let samples = samples(&text);
    let of = |endpoint, status, error| {
        let labels = format!(r#"{{endpoint="{endpoint}",status="{status}",error="{error}"}}"#);
        samples.get(format!("keyward_requests_total{labels}").as_str()).copied()
    };
    for (endpoint, status, error, count) in [
        ("/token", "2xx", "", "3"),
        ("/token", "4xx", "invalid_grant", "1"),
        ("/token", "4xx", "", "0"),
        ("/authorize", "3xx", "unsupported_response_type", "1"),
        ("/login", "5xx", "temporarily_unavailable", "1"),
        ("/jwks", "5xx", "server_error", "1"),
        (OTHER, "4xx", "", "1"),
        ("/userinfo", "abandoned", "", "1"),
    ] {
        assert_eq!(of(endpoint, status, error), Some(count), "{endpoint} {status} {error}");
    }
    assert_eq!(of("/token", "4xx", "invalid_client"), None, "it has not happened");
    assert_eq!(samples["keyward_requests_in_progress"], "1");
    assert_eq!(samples[r#"keyward_request_duration_seconds_count{endpoint="/token"}"#], "4");
    drop(going);
}

#[test]
fn durations_are_in_the_bucket_of_their_length() {
    let histogram = Histogram::default();
    for microseconds in [0, 500, 501, 1_000, 9_999_999, 10_000_000, 10_000_001, 60_000_000] {
        histogram.note(Duration::from_micros(microseconds));
    }
    histogram.note(Duration::from_nanos(500_001));
    let text = render(&Registry::default(), &gauges(&histogram, NOW));
    let samples = samples(&text);
    let up_to =
        |bound| samples[format!(r#"keyward_password_duration_seconds_bucket{{le="{bound}"}}"#).as_str()];
    assert_eq!(["0.0005", "0.001", "0.0025", "5", "10", "+Inf"].map(up_to), ["2", "5", "5", "5", "7", "9"]);
    assert_eq!(samples["keyward_password_duration_seconds_sum"], "90.002501001");
    assert_eq!(samples["keyward_password_duration_seconds_count"], "9");
}

#[test]
fn every_metric_has_its_help_its_type_and_only_its_labels() {
    let text = text(&full());
    let mut names = BTreeSet::new();
    let mut family = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            let known = ALL.iter().find(|known| known.name == name).unwrap();
            assert!(help == known.help && help.ends_with('.') && !help.contains(['\\', '|']), "{line}");
            assert!(names.insert(name), "{name} comes twice");
            family = Some(known);
            continue;
        }
        let family = family.unwrap();
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{} {}", family.name, family.kind.name()));
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let part = name.strip_prefix(family.name).unwrap();
        match family.kind {
            Kind::Histogram => assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}"),
            Kind::Counter | Kind::Gauge => assert_eq!(part, "", "{line}"),
        }
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{line}");
        let labels = labels.strip_suffix('}').unwrap();
        let mut labels: Vec<_> = labels
            .split(',')
            .filter(|label| !label.is_empty())
            .map(|label| label.split_once('=').unwrap().0)
            .collect();
        if part == "_bucket" {
            assert_eq!(labels.pop(), Some("le"));
        }
        assert_eq!(labels, family.labels, "{line}");
    }
    assert_eq!(names, ALL.iter().map(|family| family.name).collect());
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
}

/// Everything happened once.
fn full() -> Registry {
    let registry = Registry::default();
    let codes = ErrorCode::ALL.into_iter().map(Ended::Refused);
    let ends: Vec<_> = codes.chain([Ended::Plain, Ended::Failed(true), Ended::Failed(false)]).collect();
    for path in ENDPOINTS.iter().chain(&["/else"]) {
        for status in [200, 303, 404, 503] {
            ends.iter().for_each(|ended| end(&registry, path, status, *ended));
        }
        drop(registry.requests.begin(path));
    }
    Refusal::ALL.iter().for_each(|refusal| registry.refused(*refusal));
    for end in [SignIn::Success, SignIn::Failure, SignIn::Throttled, SignIn::Busy] {
        registry.sign_ins.count(end);
    }
    let kinds = [StoreErrorKind::Busy, StoreErrorKind::Unavailable, StoreErrorKind::Corrupt];
    for (_, calls) in registry.store.each() {
        kinds.map(Some).into_iter().chain([None]).for_each(|kind| calls.note(Duration::ZERO, kind));
    }
    for call in CALLS {
        Outcome::ALL.into_iter().for_each(|outcome| registry.kms.note(call, Duration::ZERO, outcome));
    }
    registry.connections.accepted();
    registry
}

#[test]
fn however_much_happens_the_text_is_bounded() {
    let registry = full();
    let most = text(&registry);
    for number in 0..10_000 {
        end(&registry, &format!("/{number}"), 404, Ended::Plain);
        end(&registry, &format!("/token/{number}"), 400, Ended::Refused(ErrorCode::InvalidClient));
        registry.kms.note("Unknown", Duration::ZERO, Outcome::Ok);
    }
    let (series, after) = (samples(&most).len(), text(&registry));
    assert_eq!(samples(&after).len(), series);
    assert!((3_000..4_000).contains(&series), "{series}");
    assert!(after.len() < 400_000, "{}", after.len());
    let first = text(&Registry::default());
    assert!(samples(&first).len() < 350, "{}", samples(&first).len());
}

#[test]
fn endpoints_are_those_of_the_reference() {
    let known: BTreeSet<&str> = crate::reference::endpoints::ENDPOINTS.iter().map(|one| one.path).collect();
    assert_eq!(BTreeSet::from(ENDPOINTS), known);
    assert_eq!(ENDPOINTS.len(), known.len(), "none comes twice");
}

#[test]
fn gauges_are_what_was_looked_up() {
    let (registry, took) = (full(), Histogram::default());
    let text = render(&registry, &gauges(&took, NOW.plus(Duration::from_millis(1_500))));
    let samples = samples(&text);
    for (name, value) in [
        ("process_start_time_seconds", "1800000000"),
        ("keyward_password_places", "2"),
        ("keyward_passwords_busy", "1"),
        (r#"keyward_passwords_waiting{caller="stranger"}"#, "3"),
        (r#"keyward_passwords_waiting{caller="known"}"#, "4"),
        ("keyward_passwords_refused_total", "5"),
        ("keyward_key_ring_age_seconds", "1.5"),
        ("keyward_key_rotation_due_seconds", "3599"),
        ("keyward_key_rotation_overdue", "0"),
        (r#"keyward_signing_keys{state="active"}"#, "2"),
        (r#"keyward_signing_keys{state="pending"}"#, "1"),
        (r#"keyward_signing_keys{state="retiring"}"#, "0"),
        (r#"keyward_refusals_total{reason="refresh_reused"}"#, "1"),
        ("keyward_connections", "1"),
    ] {
        assert_eq!(samples[name], value, "{name}");
    }
    let late = render(&registry, &gauges(&took, NOW.plus(Duration::from_secs(3700))));
    assert!(
        late.contains("keyward_key_rotation_due_seconds -100\nkeyward")
            || late.contains("due_seconds -100\n#")
    );
    assert!(late.contains("keyward_key_rotation_overdue 1\n"));
}

/// Checks a line by the rules of the embedded metric format, and returns its metrics with their units.
fn embedded(line: &str) -> (Value, BTreeMap<String, String>) {
    assert!(!line.contains('\n') && line.len() < 256 * 1024);
    let document: Value = serde_json::from_str(line).unwrap();
    let metadata = document["_aws"].as_object().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["Timestamp", "CloudWatchMetrics"]);
    assert!(metadata["Timestamp"].as_u64().unwrap() > 1_000_000_000_000, "milliseconds");
    let [directive] = &metadata["CloudWatchMetrics"].as_array().unwrap()[..] else { panic!("{line}") };
    assert_eq!(
        directive.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["Namespace", "Dimensions", "Metrics"]
    );
    assert!((1..=1024).contains(&directive["Namespace"].as_str().unwrap().len()));
    for set in directive["Dimensions"].as_array().unwrap() {
        let set = set.as_array().unwrap();
        assert!((1..=30).contains(&set.len()));
        for dimension in set {
            let value = document[dimension.as_str().unwrap()].as_str().unwrap();
            assert!((1..=1024).contains(&value.len()));
        }
    }
    let metrics = directive["Metrics"].as_array().unwrap();
    assert!((1..=100).contains(&metrics.len()));
    let mut units = BTreeMap::new();
    for metric in metrics {
        assert_eq!(metric.as_object().unwrap().keys().collect::<Vec<_>>(), ["Name", "Unit"]);
        let (name, unit) = (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap());
        assert!((1..=1024).contains(&name.len()));
        assert!(["Count", "Seconds", "Milliseconds"].contains(&unit), "one of CloudWatch's units: {unit}");
        assert!(document[name].is_number(), "{name}");
        assert_eq!(units.insert(name.to_owned(), unit.to_owned()), None, "{name} comes twice");
    }
    (document, units)
}

#[test]
fn an_embedded_line_has_what_was_counted_since_the_one_before() {
    let (registry, took) = (full(), Histogram::default());
    let lines = EmbeddedMetrics::new("keyward-\"token");
    took.note(Duration::from_millis(30));
    took.note(Duration::from_millis(40));
    let (first, units) = embedded(&lines.line(&registry, &gauges(&took, NOW)).unwrap());
    let metrics: Vec<_> = units.iter().map(|(name, unit)| format!("{name} {unit}")).collect();
    assert_eq!(metrics, ["KmsErrors Count", "SignInsThrottled Count", "StoreErrors Count"]);
    let requests = (ENDPOINTS.len() as u64 + 1) * (4 * 20 + 1);
    for (name, value) in [
        ("Requests", requests),
        ("ClientErrors", (ENDPOINTS.len() as u64 + 1) * 20),
        ("ServerErrors", (ENDPOINTS.len() as u64 + 1) * 20),
        ("SignIns", 1),
        ("SignInFailures", 1),
        ("SignInsThrottled", 2),
        ("StoreErrors", registry.store.each().count() as u64 * 3),
        ("KmsErrors", 7 * 4),
        ("PasswordTime", 35),
        ("KeyRingAge", 0),
        ("KeyRotationDue", 3600),
        ("KeyRotationOverdue", 0),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert_eq!(first["FunctionName"], "keyward-\"token");
    assert_eq!(first["_aws"]["Timestamp"], NOW.millis());
    assert_eq!(lines.line(&registry, &gauges(&took, NOW)), None, "nothing has happened since");
    end(&registry, "/token", 503, Ended::Failed(true));
    let later = NOW.plus(Duration::from_secs(4_000));
    let (second, units) = embedded(&lines.line(&registry, &gauges(&took, later)).unwrap());
    assert_eq!(units.keys().collect::<Vec<_>>(), ["KeyRotationOverdue"]);
    let of = |name: &str| second[name].clone();
    assert_eq!(["Requests", "ServerErrors", "SignIns", "KeyRotationOverdue"].map(of), [1, 1, 0, 1]);
    assert_eq!(["KeyRingAge", "KeyRotationDue"].map(of), [4_000, -400]);
    assert_eq!(second.get("PasswordTime"), None, "there was none to measure");
    end(&registry, "/token", 200, Ended::Plain);
    let healthy: Value = serde_json::from_str(&lines.line(&registry, &gauges(&took, NOW)).unwrap()).unwrap();
    assert_eq!((&healthy["Requests"], healthy.get("_aws")), (&json!(1), None), "it costs nothing");
}

#[test]
fn an_embedded_line_is_due_once_a_minute() {
    let lines = EmbeddedMetrics::new("f");
    let due = |second| lines.is_due(NOW.plus(Duration::from_secs(second)));
    assert_eq!([0, 0, 59, 60, 60, 119, 121].map(due), [true, false, false, true, false, false, true]);
    assert!(lines.is_due(NOW.minus(Duration::from_secs(5))), "the clock was set back");
    assert_eq!([0, 54, 55].map(due), [false, false, true]);
}
