//! N-217: an unsafe value stops the start with one line that says which key and value, and how to fix it.

use super::*;

/// The settings of a public server, with what a test changes.
fn public(body: &str) -> Result<Settings, BadSetting> {
    of_file(&format!("issuer = \"https://auth.example\"\n{body}\n"))
}

/// What goes with an origin secret.
const FRONT: (&str, &str) = ("KEYWARD_CLIENT_IP", "header:x-real-ip");

fn assert_refused(result: Result<Settings, BadSetting>, key: &str, parts: &[&str]) {
    let text = complaint(result, key);
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn n217_plain_http_only_on_loopback() {
    for issuer in ["http://auth.example", "http://localhost.example", "http://127.0.0.1.example:8080"] {
        let body = format!("issuer = \"{issuer}\"");
        assert_refused(of_file(&body), "issuer", &[issuer, "use https"]);
    }
    for issuer in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]", "https://auth.example/t1"] {
        let settings = of_file(&format!("issuer = \"{issuer}\"")).unwrap();
        assert_eq!(settings.issuer.as_str(), issuer);
    }
}

#[test]
fn n217_an_issuer_is_written_in_the_one_way_clients_compare() {
    for issuer in [
        "https://auth.example/",
        "https://auth.example?x",
        "https://auth.example#x",
        "https://user@auth.example",
        "https://AUTH.example",
        "https://auth.example/a/../b",
        "https://auth.example:0",
        "https://",
        "auth.example",
        "javascript:alert(1)",
    ] {
        assert_refused(of_file(&format!("issuer = \"{issuer}\"")), "issuer", &[issuer]);
    }
}

#[test]
fn n217_unknown_keys_are_refused_with_the_one_that_was_meant() {
    for (typed, meant) in
        [("isuer", "issuer"), ("acess_token_ttl", "access_token_ttl"), ("ratelimits", "rate_limits")]
    {
        let suggestion = format!("did you mean `{meant}`?");
        assert_refused(of_file(&format!("{typed} = \"x\"")), typed, &["no such setting", &suggestion]);
    }
    for typed in ["issuers_of_tokens", "x", &"k".repeat(10_000)] {
        let text = complaint(of_file(&format!("{typed} = \"x\"")), typed);
        assert!(!text.contains("did you mean"), "{text}");
    }
    let variable = of_env([("KEYWARD_SIGN_UP", "open")]);
    assert_refused(variable, "sign_up", &["(KEYWARD_SIGN_UP)", "did you mean `signup`?"]);
    assert_refused(of_file("[issuer]\nurl = \"x\""), "issuer", &["write a text"]);
}

#[test]
fn n217_no_line_breaks_or_controls_in_values() {
    for value in ["a\\r\\nSet-Cookie: x", "a\\nb", "a\\u0000b", "\\u001b[2J", "a\\u007f", "a\\u0085b"] {
        let text = complaint(of_file(&format!("outbound_ca = \"{value}\"")), "outbound_ca");
        assert!(text.contains("without line breaks"), "{text}");
        assert!(!text.contains(char::is_control), "shown as it is: {text:?}");
    }
    let lossy = of_env([("KEYWARD_OUTBOUND_CA", "a\u{fffd}b")]);
    assert_refused(lossy, "outbound_ca", &["plain UTF-8"]);
    let name = "KEYWARD_A\u{1b}[2J";
    let text = of_env([(name, "x")]).unwrap_err().to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    for empty in ["", "  "] {
        assert_refused(of_file(&format!("issuer = \"{empty}\"")), "issuer", &["it is empty"]);
    }
}

#[test]
fn n217_no_lifetime_is_negative_empty_or_endless() {
    let rows = ROWS.iter().filter(|row| row.default.is_some_and(|text| text.ends_with(['s', 'm', 'h', 'd'])));
    let keys: Vec<_> = rows.map(|row| row.key).filter(|key| key.contains("_ttl")).collect();
    assert_eq!(keys.len(), 7);
    for key in keys {
        for value in ["-1s", "-10m", "0s", "0", "99999d", "ten minutes", "600"] {
            assert_refused(public(&format!("{key} = \"{value}\"")), key, &[value]);
        }
        assert_refused(public(&format!("{key} = -600")), key, &["-600", "write a duration"]);
    }
    assert_refused(public("refresh_reuse_grace = \"6m\""), "refresh_reuse_grace", &["6m", "from 0 to 5m"]);
}

#[test]
fn n217_an_absolute_lifetime_is_no_shorter_than_the_idle_one() {
    let refresh = public("refresh_token_absolute_ttl = \"29d\"");
    assert_refused(refresh, "refresh_token_absolute_ttl", &["29d", "refresh_token_idle_ttl (30d)"]);
    // The default is the wrong value here, so it is shown.
    let session = public("session_idle_ttl = \"8d\"");
    assert_refused(session, "session_absolute_ttl", &["`7d` (default)", "session_idle_ttl (8d)"]);
    assert!(public("session_idle_ttl = \"7d\"").is_ok());
}

#[test]
fn n217_a_key_is_published_before_verifiers_meet_it() {
    for short in ["0", "1h", "2h9m59s"] {
        let body = format!("key_publish_lead = \"{short}\"");
        assert_refused(public(&body), "key_publish_lead", &[short, "at least 2h10m"]);
        assert!(of_file(&body).is_ok(), "lifted on a loopback issuer");
    }
    assert!(public("key_publish_lead = \"2h10m\"").is_ok());
}

#[test]
fn n217_a_key_signs_for_as_long_as_its_neighbours_are_published() {
    let short = public("key_rotation_period = \"47h\"");
    assert_refused(short, "key_rotation_period", &["47h", "at least 2d"]);
    let lead = public("key_publish_lead = \"31d\"");
    assert_refused(lead, "key_rotation_period", &["`30d` (default)", "at least 31d"]);
    assert!(public("key_rotation_period = \"48h\"").is_ok());
    assert!(of_file("key_rotation_period = \"1m\"").is_ok(), "lifted on a loopback issuer");
}

#[test]
fn n217_no_token_outlives_its_key() {
    // A key may sign for half of its retirement (`RingKey::may_stand_in`): the other half is the token's.
    for (body, least) in [
        ("key_retire_after = \"119m\"", "2h"),
        ("id_token_ttl = \"10m\"\nkey_retire_after = \"29m\"", "30m"),
        ("access_token_ttl = \"24h\"\nkey_retire_after = \"47h\"", "2d"),
    ] {
        assert_refused(public(body), "key_retire_after", &[&format!("at least {least},")]);
    }
    assert!(public("key_retire_after = \"2h\"").is_ok());
    assert!(public("id_token_ttl = \"10m\"\nkey_retire_after = \"30m\"").is_ok());
    let local = "access_token_ttl = \"5s\"\nid_token_ttl = \"5s\"\nkey_retire_after = ";
    assert!(of_file(&format!("{local}\"10s\"")).is_ok(), "30m are lifted on a loopback issuer");
    assert_refused(of_file(&format!("{local}\"9s\"")), "key_retire_after", &["9s", "at least 10s"]);
}

#[test]
fn n217_limits_are_off_on_loopback_only() {
    assert_refused(public("rate_limits = \"off\""), "rate_limits", &["`off`", "write `on`"]);
    let open = "rate_limits = \"off\"\nlisten = \"0.0.0.0:8080\"\nissuer = \"http://localhost:8080\"";
    assert_refused(of_file(open), "rate_limits", &["`off`", "loopback listener"]);
    assert!(!of_file("rate_limits = \"off\"").unwrap().rate_limits);
}

#[test]
fn n217_a_header_is_believed_only_from_who_proves_itself() {
    let header = "client_ip = \"header:X-Real-IP\"";
    assert_refused(public(header), "client_ip", &["header:X-Real-IP", "set `origin_secret` too"]);
    let proven = public(&format!("{header}\norigin_secret = \"{SECRET}\"")).unwrap();
    assert_eq!(shown(&proven, "client_ip").as_deref(), Some("header:x-real-ip"));
    for bad in ["header:", "header:a b", "header", "x-real-ip", "lambda:x", "socket:x"] {
        assert_refused(public(&format!("client_ip = \"{bad}\"")), "client_ip", &[bad]);
    }
}

#[test]
fn n250_a_front_end_says_who_calls_or_the_server_does_not_start() {
    let half = format!("origin_secret = \"{SECRET}\"");
    for body in [half.clone(), format!("client_ip = \"socket\"\n{half}")] {
        assert_refused(
            public(&body),
            "client_ip",
            &["`socket`", "share one limit", "write header:NAME", "remove"],
        );
    }
    assert!(public("client_ip = \"socket\"").is_ok());
}

#[test]
fn n217_a_security_txt_has_a_contact_and_an_end() {
    let contact = "security_contact = \"mailto:a@op.example\"";
    assert_refused(public(contact), "security_expires", &["required with `security_contact`"]);
    let expires = "security_expires = \"2027-06-30T00:00:00Z\"";
    assert_refused(public(expires), "security_contact", &["required with `security_expires`"]);
    let as_toml = public(&format!("{contact}\nsecurity_expires = 2027-06-30T02:00:00+02:00")).unwrap();
    assert_eq!(shown(&as_toml, "security_expires").as_deref(), Some("2027-06-30T00:00:00Z"));
    for bad in ["a@op.example", "http://op.example", "mailto:", "mailto:a@op.example,", "mailto:a b"] {
        let body = format!("security_contact = \"{bad}\"\n{expires}");
        assert_refused(public(&body), "security_contact", &[bad, "mailto:security@example.com"]);
    }
    for bad in ["2027-06-30", "tomorrow", "2027-06-30T00:00:00", "1y"] {
        let body = format!("{contact}\nsecurity_expires = \"{bad}\"");
        assert_refused(public(&body), "security_expires", &[bad, "2027-06-30T00:00:00Z"]);
    }
}

#[test]
fn n217_algorithms_are_one_to_three_known_ones() {
    for bad in ["none", "HS256", "es256", "ES256,ES256", "RS256,PS256,ES256,EdDSA", ",", "ES256,"] {
        assert_refused(public(&format!("signing_algs = \"{bad}\"")), "signing_algs", &[bad, "one to three"]);
    }
    assert!(public("signing_algs = []").is_err());
    assert_refused(public("signing_algs = [\"ES256\", 5]"), "signing_algs", &["a list of texts"]);
}

#[test]
fn n217_what_is_not_built_yet_is_refused_and_not_taken_for_something_else() {
    for (key, value) in [
        ("storage", "dynamodb:"),
        ("storage", "dynamodb:ab"),
        ("storage", "dynamodb:a table"),
        ("storage", "sqlite:"),
        ("storage", "sqlite::memory"),
        ("storage", "postgres:x"),
        ("storage", "keyward.db"),
        ("keys", "kms-envelope:"),
        ("keys", "kms-sign:"),
        ("keys", "kms:alias/k"),
        ("signatures_per_second", "0"),
        ("signatures_per_second", "1"),
        ("signatures_per_second", "many"),
        ("keys", "local:"),
        ("keys", "master.key"),
        ("rotation", "scheduled"),
        ("rotation", "never"),
        ("signup", "yes"),
        ("log_format", "xml"),
        ("outbound_allow_loopback", "on"),
        ("listen", "8080"),
        ("listen", "localhost:8080"),
    ] {
        assert_refused(public(&format!("{key} = \"{value}\"")), key, &[value]);
    }
    let sign = of_file("keys = \"kms-sign:alias/k\"").unwrap();
    assert_eq!((sign.keys.to_string().as_str(), sign.rotation), ("kms-sign:alias/k", RotatedBy::Schedule));
    let own = of_file("keys = \"kms-envelope:alias/k\"\nrotation = \"self\"").unwrap();
    assert_eq!((own.keys.to_string().as_str(), own.rotation), ("kms-envelope:alias/k", RotatedBy::Server));
    let memory = of_file("storage = \"sqlite::memory:\"").unwrap();
    assert_eq!(memory.storage, StorageSetting::SqliteMemory);
    let table = of_file("storage = \"dynamodb:Key.ward_1-eu\"").unwrap();
    assert_eq!(table.storage, StorageSetting::DynamoDb("Key.ward_1-eu".into()));
}

#[test]
fn secrets_are_shown_nowhere() {
    let weak = "not-32-characters-yet";
    for value in [weak.to_owned(), format!("{SECRETS},{SECRET}"), format!("{SECRET} x"), format!("{SECRET},")]
    {
        let text = complaint(of_env([("KEYWARD_ORIGIN_SECRET", &value)]), "origin_secret");
        assert!(text.contains(MASK) && !text.contains(&value), "{text}");
        assert!(!text.contains(SECRET) && !text.contains(weak), "{text}");
    }
    let settings = of_env([("KEYWARD_ORIGIN_SECRET", SECRETS), FRONT]).unwrap();
    assert_eq!(shown(&settings, "origin_secret").as_deref(), Some(MASK));
    let debug = format!("{settings:?}");
    assert!(debug.contains("OriginSecret(…)") && !debug.contains(SECRET), "{debug}");
}

#[test]
fn secrets_are_shown_in_no_complaint_about_the_file() {
    for body in [
        format!("origin_secret = {SECRET}"),
        format!("origin_secret = \"{SECRET}"),
        format!("origin_secret = \"{SECRET}\" x"),
        format!("origin_secret = \"{SECRET}\\q\""),
        format!("origin_secret = \"{SECRET}\"\norigin_secret = \"{SECRET}\""),
        format!("origin_secrets = \"{SECRET}\""),
        format!("origin_secret = [\"{SECRET}\", 1]"),
        format!("origin_secret = {{ now = \"{SECRET}\" }}"),
        SECRET.to_owned(),
    ] {
        let text = of_file(&body).unwrap_err().to_string();
        assert!(!text.contains(SECRET) && text.lines().count() == 1, "{text:?}");
    }
    let place = of_file("signup = \"open\"\n\nlisten = = 1\n").unwrap_err().to_string();
    assert!(place.contains("keyward.toml") && place.contains("line 3"), "{place}");
}

#[test]
fn one_or_two_secrets_are_live() {
    let settings = of_env([("KEYWARD_ORIGIN_SECRET", SECRETS), FRONT]).unwrap();
    let accepted = |value: &str| settings.origin_secret.iter().any(|secret| secret.matches(value.as_bytes()));
    assert_eq!(settings.origin_secret.len(), 2);
    assert!(SECRETS.split(',').all(accepted));
    assert!(!["", SECRETS, &SECRET[1..], MASK].into_iter().any(accepted));
}
