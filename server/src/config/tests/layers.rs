//! File, environment, flags and the platform's variables; the later wins, and an error names the one that is wrong.

use super::*;

const FILE: &str = "listen = \"127.0.0.1:1111\"\nsignup = \"open\"\n";

fn raw(env: Env) -> Raw {
    Raw::of(Some((Path::new("conf/keyward.toml"), FILE)), &env).unwrap()
}

#[test]
fn the_environment_overrides_the_file_and_a_flag_overrides_both() {
    let mut raw = raw(Env::of(&[("KEYWARD_LISTEN", "127.0.0.1:2222")]));
    let in_force = |raw: &Raw| (decide(raw).unwrap().listen.port(), raw.origin("listen"));
    let variable = Origin::Environment("KEYWARD_LISTEN".into());
    assert_eq!(in_force(&raw), (2222, variable));
    raw.set_default("listen", "127.0.0.1:4444");
    raw.set_flag("listen", "--listen", "127.0.0.1:3333".into());
    assert_eq!(in_force(&raw), (3333, Origin::Flag("--listen")));
    assert!(decide(&raw).unwrap().signup, "what only the file says stays");
    assert_eq!(raw.origin("signup").to_string(), "conf/keyward.toml");
}

#[test]
fn a_command_s_own_default_gives_way_to_everybody() {
    let mut raw = raw(Env::default());
    raw.set_default("signup", "closed");
    raw.set_default("log_format", "text");
    let settings = decide(&raw).unwrap();
    assert_eq!((settings.signup, settings.log_format), (true, Some(LogFormat::Text)));
    assert_eq!(raw.origin("log_format"), Origin::Default);
}

#[test]
fn each_layer_is_named_when_its_value_is_wrong() {
    let bad = "listen = \"nowhere\"\n";
    assert!(complaint(of_file(bad), "listen").contains("(keyward.toml)"));
    assert!(complaint(of_env([("KEYWARD_LISTEN", "nowhere")]), "listen").contains("(KEYWARD_LISTEN)"));
    let mut raw = raw(Env::default());
    raw.set_flag("listen", "--listen", "nowhere".into());
    let text = complaint(decide(&raw), "listen");
    assert_eq!(
        text,
        "setting `listen` = `nowhere` (--listen): write an address with a port, such as 127.0.0.1:8080 or [::]:8080"
    );
}

#[test]
fn lists_numbers_and_switches_may_be_written_as_toml_has_them() {
    let body =
        "signing_algs = [\"ES256\", \"EdDSA\"]\noutbound_allow_loopback = true\nrefresh_reuse_grace = 0\n";
    let settings = of_file(body).unwrap();
    assert_eq!(settings.signing_algs, [Algorithm::ES256, Algorithm::EdDSA]);
    assert!(settings.outbound_allow_loopback);
    assert_eq!(settings.refresh_reuse_grace, Duration::ZERO);
    let spaced = of_env([("KEYWARD_SIGNING_ALGS", " ES256 , EdDSA ")]).unwrap();
    assert_eq!(spaced.signing_algs, settings.signing_algs);
}

#[test]
fn claims_are_a_table_or_the_same_as_json() {
    let body = "[claims]\ndepartment = \"profile\"\n\"https://op.example/plan\" = \"plan\"\n\
                roles = { scope = \"roles\", from = \"groups\", map = { admins = [\"admin\", \"editor\"] } }\n";
    let json = r#"{"department": "profile", "https://op.example/plan": "plan",
        "roles": {"scope": "roles", "from": "groups", "map": {"admins": ["admin", "editor"]}}}"#;
    let table = of_file(body).unwrap();
    assert_eq!(table.claims.scope_of("roles"), Some("roles"));
    let same = of_env([("KEYWARD_CLAIMS", &*json.replace('\n', ""))]).unwrap();
    assert_eq!(same.claims, table.claims);
    for (value, said) in [
        (r#"{"sub": "profile"}"#, "`sub` has a meaning in the protocols"),
        (r#"{"email": "profile"}"#, "`email` is a standard claim"),
        (r#"{"groups": "profile"}"#, "`groups` is the claim with the user's groups"),
        ("department", "write an object such as"),
    ] {
        let text = complaint(of_env([("KEYWARD_CLAIMS", value)]), "claims");
        assert!(text.contains("KEYWARD_CLAIMS") && text.contains(value) && text.contains(said), "{text}");
    }
    for (value, said) in
        [("email", "is a standard claim"), ("iss", "has a meaning"), ("a b", "is not the name")]
    {
        let text = complaint(of_env([("KEYWARD_GROUPS_CLAIM", value)]), "groups_claim");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn the_default_issuer_is_the_loopback_listener_s() {
    let issuer = |listen: &str, surroundings| {
        let raw = Raw::of(None, &Env::of(&[("KEYWARD_LISTEN", listen)])).unwrap();
        let settings = resolve(&raw, surroundings).unwrap();
        assert!(settings.issuer_is_default);
        settings.issuer.to_string()
    };
    let plain = Surroundings::default();
    assert_eq!(issuer("127.0.0.1:8080", plain), "http://localhost:8080");
    assert_eq!(issuer("[::1]:9000", plain), "http://localhost:9000");
    assert_eq!(issuer("127.0.0.1:0", plain), "http://localhost", "nothing is bound yet");
    let bound = Some("127.0.0.1:40123".parse().unwrap());
    assert_eq!(issuer("127.0.0.1:0", Surroundings { bound, ..plain }), "http://localhost:40123");
    let tls = Surroundings { tls: true, ..plain };
    assert_eq!(issuer("127.0.0.1:8443", tls), "https://localhost:8443");
    assert_eq!(issuer("127.0.0.1:80", plain), "http://localhost");
    assert_eq!(issuer("127.0.0.1:443", tls), "https://localhost");
    assert_eq!(issuer("127.0.0.1:443", plain), "http://localhost:443");
    assert!(!of_env([("KEYWARD_ISSUER", "https://auth.example")]).unwrap().issuer_is_default);
}

#[test]
fn a_listener_that_others_reach_needs_an_issuer() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let text = complaint(of_env([("KEYWARD_LISTEN", listen)]), "issuer");
        assert!(text.contains(listen) && text.contains("https://auth.example.com"), "{text}");
        let named = of_env([("KEYWARD_LISTEN", listen), ("KEYWARD_ISSUER", "https://auth.example")]);
        assert_eq!(named.unwrap().listen.to_string(), listen);
    }
}

#[test]
fn a_function_needs_an_issuer_and_takes_addresses_from_its_events() {
    let function = Surroundings { function: true, ..Surroundings::default() };
    let bound = Surroundings { bound: Some("127.0.0.1:80".parse().unwrap()), ..Surroundings::default() };
    let of = |variables: &[(&str, &str)], surroundings| {
        resolve(&Raw::of(None, &Env::of(variables)).unwrap(), surroundings)
    };
    const ISSUER: (&str, &str) = ("KEYWARD_ISSUER", "https://auth.example");
    let text = complaint(of(&[], function), "issuer");
    assert!(text.contains("required in a function"), "{text}");
    assert_eq!(of(&[ISSUER], function).unwrap().client_ip, ClientIp::Lambda);
    assert_eq!(of(&[ISSUER], bound).unwrap().client_ip, ClientIp::Socket);
    let says = |value| [ISSUER, ("KEYWARD_CLIENT_IP", value)];
    let text = complaint(of(&says("socket"), function), "client_ip");
    assert!(text.contains("write `lambda`"), "{text}");
    let text = complaint(of(&says("lambda"), bound), "client_ip");
    assert!(text.contains("write `socket`"), "{text}");
    // Commands have no transport: they read either.
    for value in ["socket", "lambda"] {
        of(&says(value), Surroundings::default()).unwrap();
    }
}

#[test]
fn platforms_name_the_port_unless_listen_does() {
    const ISSUER: (&str, &str) = ("KEYWARD_ISSUER", "https://auth.example");
    const AZURE: (&str, &str) = ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071");
    let listen = |settings: Result<Settings, BadSetting>| settings.unwrap().listen.to_string();
    assert_eq!(listen(of_env([ISSUER, ("PORT", "9999")])), "0.0.0.0:9999");
    assert_eq!(listen(of_env([ISSUER, AZURE])), "127.0.0.1:7071");
    assert_eq!(listen(of_env([ISSUER, ("PORT", "9999"), AZURE])), "127.0.0.1:7071");
    assert_eq!(listen(of_env([ISSUER, ("PORT", "")])), "127.0.0.1:8080");
    let own = ("KEYWARD_LISTEN", "127.0.0.1:5555");
    assert_eq!(listen(of_env([own, ("PORT", "9999"), AZURE])), "127.0.0.1:5555");
    complaint(of_env([("PORT", "9999")]), "issuer");
    complaint(of_env([AZURE]), "issuer");
    for bad in ["http", "-1", "65536", "80 80"] {
        let text = complaint(of_env([ISSUER, ("PORT", bad)]), "listen");
        assert!(text.contains(&format!("`{bad}` (PORT)")), "{text}");
    }
}

#[test]
fn only_the_default_file_may_be_absent() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("other.toml");
    let text = complaint(Raw::read(Some(&path), &Env::default()).and_then(|raw| decide(&raw)), "--config");
    assert!(text.contains("can't be read") && text.contains("other.toml"), "{text}");
    assert!(text.contains("or leave out `--config`"), "{text}");
    std::fs::write(&path, FILE).unwrap();
    let raw = Raw::read(Some(&path), &Env::default()).unwrap();
    assert_eq!(raw.origin("signup"), Origin::File(path));
}

#[test]
fn the_environment_is_only_read_where_it_is_ours() {
    let env = Env::of(&[("HOME", "/"), ("XKEYWARD_LISTEN", "x"), ("RUST_LOG", "server=debug")]);
    assert_eq!(env.log_filter(), Some("server=debug"));
    assert!(decide(&Raw::of(None, &env).unwrap()).is_ok());
}
