//! Every row of the table, and the page that is generated from it.

use super::*;
use crate::config::page;
use crate::config::reload::AT_RUN_TIME;
use crate::config::text::{duration, show_duration};
use std::collections::BTreeSet;

/// A value other than the default for each row, so that none can be forgotten or mixed up with another.
const OTHERS: [(&str, &str); 32] = [
    ("issuer", "https://auth.example/t1"),
    ("listen", "[::1]:9443"),
    ("storage", "sqlite:elsewhere/k.db"),
    ("keys", "local:elsewhere/m.key"),
    ("signing_algs", "EdDSA,PS256"),
    ("access_token_ttl", "5m"),
    ("id_token_ttl", "15m"),
    ("code_ttl", "30s"),
    ("refresh_token_idle_ttl", "14d"),
    ("refresh_token_absolute_ttl", "60d"),
    ("session_idle_ttl", "8h"),
    ("session_absolute_ttl", "3d"),
    ("refresh_reuse_grace", "10s"),
    ("key_rotation_period", "20d"),
    ("key_publish_lead", "2h10m"),
    ("key_retire_after", "36h"),
    ("signup", "open"),
    ("rate_limits", "on"),
    ("client_ip", "header:x-real-ip"),
    ("rotation", "self"),
    ("signatures_per_second", "70"),
    ("origin_secret", SECRETS),
    ("idle_timeout", "10m"),
    ("header_timeout", "20s"),
    ("outbound_ca", "ca.pem"),
    ("outbound_allow_loopback", "true"),
    ("metrics_listen", "127.0.0.1:9090"),
    ("security_contact", "mailto:security@op.example,https://op.example/report"),
    ("security_expires", "2027-06-30T00:00:00Z"),
    ("groups_claim", "https://op.example/groups"),
    ("claims", r#"{"department":"profile","roles":{"scope":"roles","from":"groups"}}"#),
    ("log_format", "json"),
];

fn file_of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> String {
    values.into_iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect()
}

#[test]
fn every_default_parses_and_means_the_same_when_it_is_written_out() {
    let defaults = of_file("").unwrap();
    for row in &ROWS {
        let Some(default) = row.default else { continue };
        let alone = of_file(&file_of([(row.key, default.to_owned())])).unwrap();
        assert_eq!(format!("{alone:?}"), format!("{defaults:?}"), "{}", row.key);
    }
}

#[test]
fn what_is_shown_can_be_put_in_the_file() {
    let others = OTHERS.map(|(key, value)| (key, value.to_owned()));
    for settings in [of_file("").unwrap(), of_file(&file_of(others)).unwrap()] {
        let rows = ROWS.iter().filter(|row| !row.secret);
        let values = rows.filter_map(|row| Some((row.key, row.shown(&settings)?)));
        let secret = (!settings.origin_secret.is_empty()).then(|| ("origin_secret", SECRETS.to_owned()));
        let mut again = of_file(&file_of(values.chain(secret))).unwrap();
        again.issuer_is_default = settings.issuer_is_default;
        assert_eq!(format!("{again:?}"), format!("{settings:?}"));
    }
}

#[test]
fn every_row_is_read_into_the_field_it_shows() {
    let settings = of_file(&file_of(OTHERS.map(|(key, value)| (key, value.to_owned())))).unwrap();
    for ((key, value), row) in OTHERS.iter().zip(&ROWS) {
        assert_eq!(row.key, *key, "a row that this test doesn't know");
        let expected = if row.secret { MASK } else { value };
        assert_eq!(row.shown(&settings).as_deref(), Some(expected), "{key}");
        assert_eq!(row.variable(), format!("KEYWARD_{}", key.to_uppercase()));
        assert!(row.default.is_some() || !row.default_words.is_empty(), "{key} says no default");
    }
}

#[test]
fn defaults_are_those_of_the_interface() {
    let settings = of_file("").unwrap();
    let shown = |key| shown(&settings, key);
    for (key, value) in [
        ("issuer", "http://localhost:8080"),
        ("listen", "127.0.0.1:8080"),
        ("storage", "sqlite:keyward-data/keyward.db"),
        ("keys", "local:keyward-data/master.key"),
        ("signing_algs", "RS256,ES256"),
        ("access_token_ttl", "10m"),
        ("id_token_ttl", "1h"),
        ("code_ttl", "1m"),
        ("refresh_token_idle_ttl", "30d"),
        ("refresh_token_absolute_ttl", "90d"),
        ("session_idle_ttl", "12h"),
        ("session_absolute_ttl", "7d"),
        ("refresh_reuse_grace", "30s"),
        ("key_rotation_period", "30d"),
        ("key_publish_lead", "1d"),
        ("key_retire_after", "2d"),
        ("signup", "closed"),
        ("rate_limits", "on"),
        ("client_ip", "socket"),
        ("rotation", "self"),
        ("signatures_per_second", "500"),
        ("idle_timeout", "1m15s"),
        ("header_timeout", "10s"),
        ("outbound_allow_loopback", "false"),
    ] {
        assert_eq!(shown(key).as_deref(), Some(value), "{key}");
    }
    for key in [
        "origin_secret",
        "outbound_ca",
        "metrics_listen",
        "security_contact",
        "security_expires",
        "log_format",
    ] {
        assert_eq!(shown(key), None, "{key}");
    }
}

#[test]
fn durations_read_and_show_alike() {
    for (text, seconds) in [
        ("0", 0),
        ("0s", 0),
        ("1s", 1),
        ("60s", 60),
        ("90s", 90),
        ("1m30s", 90),
        ("2h10m", 7_800),
        ("24h", 86_400),
        ("26h", 93_600),
        ("30d", 2_592_000),
        ("1d2h3m4s", 93_784),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for seconds in (0..200_000).step_by(7).chain([31_536_000, 31_536_001]) {
        let value = Duration::from_secs(seconds);
        assert_eq!(duration(&show_duration(value)), Ok(value), "{}", show_duration(value));
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in [
        "",
        " ",
        "1",
        "60",
        "s",
        "-5m",
        "+5m",
        "5 m",
        "5M",
        "5min",
        "1.5h",
        "5m5",
        "1h1h",
        "10m2h",
        "1w",
        "٣s",
        "18446744073709551616s",
        "213503982334602d",
        "213503982334601d24h",
        "P1D",
        "∞",
    ] {
        assert!(duration(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_page_tells_every_key_its_variable_default_and_meaning_in_one_row() {
    let page = page::markdown();
    for row in &ROWS {
        let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", row.key)));
        let cells: Vec<&str> = line.unwrap().split('|').map(str::trim).collect();
        let default = row.default.map_or_else(|| row.default_words.to_owned(), |text| format!("`{text}`"));
        let variable = format!("`{}`", row.variable());
        assert_eq!(cells, ["", &format!("`{}`", row.key), &variable, &default, row.doc, ""]);
    }
    let unique: BTreeSet<_> = ROWS.iter().map(|row| row.key).collect();
    assert_eq!(unique.len(), ROWS.len());
    for variable in ["PORT", "FUNCTIONS_CUSTOMHANDLER_PORT", "NOTIFY_SOCKET", "RUST_LOG"] {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

#[test]
fn every_change_of_a_setting_is_noticed_and_known_to_need_a_restart_or_not() {
    let settings = |values: &[(&str, &str)]| {
        of_file(&file_of(values.iter().map(|(key, value)| (*key, (*value).to_owned())))).unwrap()
    };
    let (before, after) = (settings(&[]), settings(&OTHERS));
    let other = |(key, value): &&(&str, &str)| shown(&before, key).as_deref() != Some(*value);
    let keys: Vec<&str> = OTHERS.iter().filter(other).map(|(key, _)| *key).collect();
    assert_eq!(changed(&before, &after), keys);
    assert!(keys.len() > 20);
    let mut secrets = OTHERS;
    secrets.iter_mut().filter(|(key, _)| *key == "origin_secret").for_each(|(_, value)| *value = SECRET);
    assert_eq!(changed(&after, &settings(&secrets)), ["origin_secret"]);
    for key in AT_RUN_TIME {
        assert!(table::row(key).is_some(), "{key}");
    }
    assert_eq!(what_needs_a_restart(&["issuer", "signup", "keys", "origin_secret"]), ["issuer", "keys"]);
}
