//! The binary as operators and programs use it: what it prints where, and how it ends.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod apply;
mod clients;
mod documents;
mod gateway;
mod places;

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    /// The one JSON document on standard output.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// Runs a command line in a folder, with nothing in the environment and nothing to read.
fn keyward(folder: &TempDir, arguments: &[&str]) -> Ended {
    keyward_reading(folder, arguments, "")
}

/// The same, with something on standard input.
fn keyward_reading(folder: &TempDir, arguments: &[&str], input: &str) -> Ended {
    let mut running = command(folder, arguments).spawn().unwrap();
    // Who reads nothing may be gone before it is written.
    let _unread = running.stdin.take().unwrap().write_all(input.as_bytes());
    let done = running.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Lets a server make the store and keys for ES256 only, and stops it.
fn begin(folder: &TempDir) {
    begin_with(folder, [("KEYWARD_SIGNING_ALGS", "ES256")]);
}

/// The same with these settings.
fn begin_with<const N: usize>(folder: &TempDir, settings: [(&str, &str); N]) {
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let mut server = command(folder, &serve).envs(settings).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.starts_with("keyward listening on "), "{ready}");
    server.kill().unwrap();
    server.wait().unwrap();
}

fn migrated() -> TempDir {
    let folder = TempDir::new().unwrap();
    assert_eq!(keyward(&folder, &["storage", "migrate"]).code, 0);
    folder
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = TempDir::new().unwrap();
    let help = keyward(&folder, &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for command in ["dev", "serve", "client", "user", "keys", "storage", "config", "doctor"] {
        assert!(
            help.out.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {}",
            help.out
        );
    }
    let version = keyward(&folder, &["--version"]);
    assert_eq!((version.code, version.out), (0, format!("keyward {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is made");
}

#[test]
fn what_nobody_can_mean_is_a_usage_error() {
    let folder = TempDir::new().unwrap();
    for (arguments, named) in [
        (&[][..], "Usage"),
        (&["sing"], "sing"),
        (&["serve", "--loud"], "--loud"),
        (&["serve", "--tls-cert", "chain.pem"], "--tls-key"),
        (&["client", "create"], "--name"),
        (&["client", "create", "--name", "x", "--grant", "password"], "client_credentials"),
        (&["client", "create", "--name", "x", "--signing-alg", "none"], "ES256"),
        (&["user", "create", "--password", "secret"], "--password"),
    ] {
        let ended = keyward(&folder, arguments);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(named), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn config_check_names_key_value_and_mend() {
    let folder = TempDir::new().unwrap();
    let check = |arguments: &[&str]| keyward(&folder, &[&["config", "check"], arguments].concat());
    assert_eq!(check(&["--json"]).json(), json!({ "ok": true }));
    let file = folder.path().join("keyward.toml");
    for (text, named) in [
        ("code_ttl = \"2h\"", ["code_ttl", "2h"]),
        ("isuer = \"https://auth.example\"", ["isuer", "keyward.toml"]),
        ("issuer = \"http://auth.example\"", ["issuer", "https"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let ended = check(&[]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{text}: {ended:?}");
        assert!(named.iter().all(|word| ended.err.contains(word)), "{text}: {ended:?}");
    }
    std::fs::write(&file, "origin_secret = \"hunter2\"").unwrap();
    let ended = check(&[]);
    assert!(ended.err.contains("origin_secret") && !ended.err.contains("hunter2"), "{ended:?}");
}

#[test]
fn client_create_prints_one_document_with_the_secret_once() {
    let folder = migrated();
    let create = ["client", "create", "--json", "--name", "Photo Albums"];
    let made = keyward(&folder, &[&create[..], &["--redirect-uri", "https://rp.example/cb"]].concat());
    let made = made.json();
    assert!(made["client_secret"].as_str().unwrap().starts_with("kws_"), "{made}");
    assert_eq!(made["redirect_uris"], json!(["https://rp.example/cb"]));
    assert_eq!(made["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(made["scope"], "openid profile email offline_access");
    assert_eq!(made["token_endpoint_auth_method"], "client_secret_basic");

    let shown = keyward(&folder, &["client", "show", "--json", made["client_id"].as_str().unwrap()]).json();
    let mut without_secret = made.clone();
    for member in ["client_secret", "client_secret_expires_at"] {
        without_secret.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(shown, without_secret);
    assert_eq!(keyward(&folder, &["client", "list", "--json"]).json(), json!([shown]));
}

#[test]
fn what_a_client_chooses_about_its_tokens_is_set_kept_and_cleared() {
    let folder = migrated();
    std::fs::write(folder.path().join("claims.json"), r#"{ "https://example.com/tenant": "acme" }"#).unwrap();
    let create = "client create --name C --id c --redirect-uri https://c.example/cb --start-url https://c.example/ \
                  --access-token-ttl 15m --refresh-token-idle-ttl 7d --token-typ JWT --claims claims.json --json";
    let create: Vec<&str> =
        create.split_whitespace().chain(["--id-token-claims", "email  name groups"]).collect();
    let made = keyward(&folder, &create).json();
    let chosen = json!({
        "client_uri": "https://c.example/",
        "access_token_ttl": 900,
        "refresh_token_idle_ttl": 604_800,
        "token_typ": "JWT",
        "id_token_claims": ["email", "name", "groups"],
        "access_token_claims": [],
        "claims": { "https://example.com/tenant": "acme" },
    });
    let of = |document: &Value| {
        chosen.as_object().unwrap().keys().map(|key| (key.clone(), document[key].clone())).collect::<Value>()
    };
    assert_eq!(of(&made), chosen);
    assert_eq!(of(&keyward(&folder, &["client", "update", "c", "--name", "D", "--json"]).json()), chosen);
    let shown = keyward(&folder, &["client", "show", "c"]).out;
    for line in
        ["starts at      https://c.example/", "access token   15m", "refresh token  7d", "token type     JWT"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    // The same as metadata of RFC 7591.
    let mut metadata = chosen.clone();
    metadata["client_name"] = json!("E");
    metadata["access_token_ttl"] = json!("15m");
    metadata["redirect_uris"] = json!(["https://c.example/cb"]);
    std::fs::write(folder.path().join("e.json"), metadata.to_string()).unwrap();
    let from_json = keyward(&folder, &["client", "create", "--from-json", "e.json", "--json"]);
    assert_eq!(from_json.err.matches("ignored").count(), 0, "{from_json:?}");
    assert_eq!(of(&from_json.json()), chosen);
    std::fs::write(folder.path().join("claims.json"), "{}").unwrap();
    let clear = "client update c --access-token-ttl default --refresh-token-idle-ttl default --token-typ at+jwt \
                 --claims claims.json --start-url= --id-token-claims= --json";
    let cleared = keyward(&folder, &clear.split_whitespace().collect::<Vec<_>>()).json();
    let none = json!({
        "client_uri": null, "access_token_ttl": null, "refresh_token_idle_ttl": null, "token_typ": "at+jwt",
        "id_token_claims": [], "access_token_claims": [], "claims": {},
    });
    assert_eq!(of(&cleared), none);
}

#[test]
fn a_choice_about_tokens_that_is_not_possible_says_what_is() {
    let folder = migrated();
    std::fs::write(folder.path().join("claims.json"), r#"{ "sub": "somebody" }"#).unwrap();
    for (flags, said, code) in [
        (&["--access-token-ttl", "25h"][..], "access_token_ttl is at most 1d on this server", 1),
        (&["--access-token-ttl", "0"], "access_token_ttl must be from 1s to 24h", 1),
        (&["--access-token-ttl", "soon"], "or `default` for the server's", 2),
        (&["--refresh-token-idle-ttl", "731d"], "refresh_token_idle_ttl is at most 90d on this server", 1),
        (&["--token-typ", "jwt"], "choose at+jwt or JWT", 2),
        (&["--id-token-claims", "email nonce"], "the claim `nonce` has a meaning in the protocols", 1),
        (&["--claims", "claims.json"], "the claim `sub` has a meaning in the protocols", 1),
        (&["--start-url", "javascript:alert(1)"], "begin it with https://", 1),
        (&["--start-url", "http://c.example/"], "http is for 127.0.0.1", 1),
        (&["--dotless-schemes"], "--native", 2),
        (&["--native", "--redirect-uri", "cursor://a/cb"], "(--native, --dotless-schemes)", 1),
    ] {
        let ended = keyward(&folder, &[&["client", "create", "--name", "C"], flags].concat());
        assert!(ended.code == code && ended.err.contains(said), "{flags:?}: {ended:?}");
    }
    let allowed = [
        "--native",
        "--dotless-schemes",
        "--auth-method",
        "none",
        "--redirect-uri",
        "cursor://a/cb",
        "--json",
    ];
    let made = keyward(&folder, &[&["client", "create", "--name", "C"][..], &allowed].concat()).json();
    assert_eq!(made["dotless_schemes"], json!(true));
}

#[test]
fn ids_and_secrets_can_be_chosen_beforehand() {
    let folder = migrated();
    let secret = "0123456789abcdef-not-in-any-output";
    for (id, input) in [
        ("urn:billing:worker", format!("{secret}\n")),
        ("https://app.example.com", format!("{secret}\r\n")),
        ("api://123", secret.to_owned()),
        ("a #1 \"client\" (account) %23", format!("{secret}\n")),
    ] {
        let create =
            ["client", "create", "--name", "C", "--id", id, "--scope", "read", "--secret-stdin", "--json"];
        let made = keyward_reading(&folder, &create, &input);
        let all = format!("{}{}", made.out, made.err);
        assert!(!all.contains(secret), "{all}");
        assert_eq!(made.json()["client_id"], id);
        assert_eq!(keyward(&folder, &["client", "show", id, "--json"]).json()["client_id"], id);
        let rotate = ["client", "rotate-secret", id, "--overlap", "0", "--secret-stdin", "--json"];
        let rotated = keyward_reading(&folder, &rotate, "another-secret-0123456789abcdefghi\n");
        assert_eq!(rotated.json().get("client_secret"), None);
    }
    for (flags, input, said) in [
        (&[][..], "short\n", "32 to 256 printable ASCII characters without spaces"),
        (&[], "", "32 to 256 printable ASCII"),
        (&[], "0123456789abcdef0123456789abcdef\nand more\n", "without spaces"),
        (&[], " 0123456789abcdef0123456789abcdef\n", "without spaces"),
        (&[], "0123456789abcdef0123456789abcdef\n\n", "without spaces"),
        (&["--id", "größe"], "0123456789abcdef0123456789abcdef\n", "RFC 6749 appendix A.1"),
        (&["--id", ""], "0123456789abcdef0123456789abcdef\n", "RFC 6749 appendix A.1"),
        (&["--id", "http://localhost"], "0123456789abcdef0123456789abcdef\n", "the id of this server"),
        (&["--id", "api://123"], "0123456789abcdef0123456789abcdef\n", "(--id)"),
        (
            &["--auth-method", "none", "--redirect-uri", "https://c.example/cb"],
            "0123456789abcdef0123456789abcdef\n",
            "a public one has none",
        ),
    ] {
        let create = [&["client", "create", "--name", "C", "--secret-stdin"][..], flags].concat();
        let refused = keyward_reading(&folder, &create, input);
        assert!(refused.code == 1 && refused.err.contains(said), "{flags:?} {input:?}: {refused:?}");
        assert!(input.trim().is_empty() || !refused.err.contains(input.trim()), "{refused:?}");
    }
}

#[test]
fn a_client_nobody_knows_is_refused_with_the_mend() {
    let folder = migrated();
    for command in ["show", "disable", "enable", "delete"] {
        let ended = keyward(&folder, &["client", command, "nobody", "--json"]);
        let said = "keyward: there is no client `nobody`; `keyward client list` shows them\n";
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (1, "", said), "{command}");
    }
}

#[test]
fn n249_an_operator_insists_on_a_name_by_a_flag() {
    let folder = migrated();
    let create = |name: &str, more: &[&str]| {
        keyward(&folder, &[&["user", "create", "--json", "--username", name][..], more].concat())
    };
    assert_eq!(create("alice", &[]).code, 0);
    for name in ["alıce", "аlice", "ɑlice", "adm1n"] {
        let ended = create(name, &[]);
        assert!(ended.code == 1 && ended.err.contains("--allow-lookalike"), "{name}: {ended:?}");
        assert_eq!(create(name, &["--allow-lookalike"]).json()["username"], name);
    }
    assert_eq!(keyward(&folder, &["user", "list", "--json"]).json().as_array().unwrap().len(), 5);
}

#[test]
fn an_id_may_begin_with_a_hyphen() {
    let folder = TempDir::new().unwrap();
    begin(&folder);
    assert_eq!(keyward(&folder, &["client", "create", "--name", "x", "--id=-x", "--scope", "read"]).code, 0);
    for command in ["show", "disable", "enable", "rotate-secret", "delete"] {
        assert_eq!(keyward(&folder, &["client", command, "-x", "--json"]).code, 0, "{command}");
    }
    // One key of sixty-four has a name like that.
    for arguments in [["keys", "revoke", "-x", "--force"], ["keys", "revoke", "--force", "-x"]] {
        let ended = keyward(&folder, &arguments);
        assert!(ended.code == 1 && ended.err.contains("no key has this id"), "{ended:?}");
    }
    for command in ["show", "disable", "enable", "revoke-sessions", "delete"] {
        let ended = keyward(&folder, &["user", command, "-x"]);
        assert!(ended.code == 1 && ended.err.contains("`-x`"), "{ended:?}");
    }
}

#[test]
fn a_user_is_created_in_groups_that_are_there() {
    let folder = migrated();
    for group in ["admins", "on call=1"] {
        assert_eq!(keyward(&folder, &["group", "create", group]).code, 0);
    }
    let create = ["user", "create", "--username", "ada", "--group", "admins", "--json", "--group"];
    for (other, why) in [("nobodys", "no group `nobodys`"), ("", "1 to 64 letters")] {
        let refused = keyward(&folder, &[&create[..], &[other]].concat());
        assert!(refused.code == 1 && refused.err.contains(why), "{refused:?}");
    }
    assert_eq!(keyward(&folder, &["user", "list", "--json"]).json(), json!([]), "nobody was created");
    let created = keyward(&folder, &[&create[..], &["on call=1"]].concat()).json();
    assert_eq!(created["groups"], json!(["admins", "on call=1"]));
    // In the log as text, a name is one value.
    let mut deletion = command(&folder, &["group", "delete", "on call=1"]);
    let deleted = deletion.env("KEYWARD_LOG_FORMAT", "text").output().unwrap();
    let log = String::from_utf8(deleted.stderr).unwrap();
    assert!(log.contains(" group=\"on call=1\" "), "{log}");
}

#[test]
fn what_is_shown_has_no_control_characters() {
    let folder = migrated();
    std::fs::write(folder.path().join("claims.json"), "{ \"https://x.example/y\": \"a\\u009b31mb\\u0007\" }")
        .unwrap();
    let create = ["user", "create", "--username", "ada", "--claims", "claims.json"];
    let shown = [&create[..], &["--json"]].concat();
    assert_eq!(keyward(&folder, &shown).json()["claims"]["https://x.example/y"], "a\u{9b}31mb\u{7}");
    for arguments in [&["user", "show", "ada"][..], &["user", "show", "ada", "--json"]] {
        let shown = keyward(&folder, arguments);
        assert!(shown.out.contains(r"a\u009b31mb\u0007"), "{shown:?}");
    }
}

#[test]
fn an_operators_command_makes_no_store() {
    let folder = TempDir::new().unwrap();
    let ended = keyward(&folder, &["client", "list"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("keyward.db") && ended.err.contains("storage migrate"), "{ended:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{ended:?}");
}

#[test]
fn dev_shows_secrets_to_this_machine_only() {
    let folder = TempDir::new().unwrap();
    let ended = keyward(&folder, &["dev", "--listen", "0.0.0.0:0"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("loopback"), "{ended:?}");
}

/// A client, a user with a password, and keys: what operators work on, in a store that a server has begun.
struct Shop {
    folder: TempDir,
    client: String,
    secret: String,
    user: String,
}

impl Shop {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        begin(&folder);
        let create = ["client", "create", "--json", "--name", "M", "--scope", "read"];
        let client = keyward(&folder, &create).json();
        let user = ["user", "create", "--json", "--username", "ada", "--password-stdin"];
        let user = keyward_reading(&folder, &user, "a good password").json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (client, secret) = (text(&client["client_id"]), text(&client["client_secret"]));
        Self { client, secret, user: text(&user["id"]), folder }
    }

    /// The id of a key in this state.
    fn kid(&self, state: &str) -> String {
        let keys = keyward(&self.folder, &["keys", "list", "--json"]).json();
        let found = keys.as_array().unwrap().iter().find(|key| key["state"] == state).unwrap();
        found["kid"].as_str().unwrap().to_owned()
    }
}

#[test]
fn n199_what_is_shown_has_no_secret_and_no_hash_of_one() {
    let shop = Shop::new();
    let reference = shop.user.as_str();
    for command in [
        &["client", "show", &shop.client][..],
        &["client", "list"],
        &["user", "show", reference],
        &["user", "list"],
        &["keys", "list"],
        &["config", "show"],
    ] {
        for arguments in [command.to_vec(), [command, &["--json"]].concat()] {
            let shown = keyward(&shop.folder, &arguments);
            assert_eq!(shown.code, 0, "{shown:?}");
            let all = format!("{}{}", shown.out, shown.err);
            assert!(!all.contains(&shop.secret) && !all.contains("a good password"), "{all}");
            for name in
                ["$argon2", "digest", "hash", "client_secret\"", "password\"", "wrapped", "private", "\"d\""]
            {
                assert!(!all.contains(name), "{name} in {arguments:?}: {all}");
            }
        }
    }
}

#[test]
fn n201_a_new_store_knows_nobody() {
    let folder = migrated();
    for kind in ["client", "user"] {
        assert_eq!(keyward(&folder, &[kind, "list", "--json"]).json(), json!([]), "{kind}");
    }
}

#[test]
fn the_command_that_a_store_without_keys_asks_for_makes_them_and_shows_them_as_they_are() {
    let folder = migrated();
    for command in [&["keys", "list"][..], &["keys", "rotate"], &["doctor"]] {
        let ended = keyward(&folder, command);
        let all = format!("{}{}", ended.out, ended.err);
        assert!(ended.code == 1 && all.contains("run `keyward keys rotate --if-due` to make them"), "{all}");
    }
    let mut serve = command(&folder, &["serve", "--listen", "127.0.0.1:0"]);
    let served = serve.env("KEYWARD_KEYS", "kms-envelope:alias/keyward").output().unwrap();
    let said = String::from_utf8(served.stderr).unwrap();
    assert!(served.status.code() == Some(1) && said.contains("keyward keys rotate --if-due"), "{said}");
    let made = keyward(&folder, &["keys", "rotate", "--if-due"]);
    let states: Vec<_> = made.out.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(states[..5], ["STATE", "active", "pending", "active", "pending"], "{}", made.out);
    assert!(made.out.lines().all(|line| line.chars().count() <= 100), "{}", made.out);
}

#[test]
fn n204_every_write_of_an_operator_is_one_event() {
    let shop = Shop::new();
    let (client, user) = (shop.client.as_str(), shop.user.as_str());
    let (active, set_password) = (shop.kid("active"), ["user", "set-password", user, "--password-stdin"]);
    let mut requests = std::collections::BTreeSet::new();
    for (arguments, event, target, records) in [
        (&["client", "create", "--name", "N"][..], "client_created", "", (false, true)),
        (&["client", "update", client, "--name", "O"], "client_changed", client, (true, true)),
        (&["client", "rotate-secret", client], "client_changed", client, (true, true)),
        (&["client", "disable", client], "client_changed", client, (true, true)),
        (&["client", "enable", client], "client_changed", client, (true, true)),
        (&["client", "delete", client], "client_deleted", client, (true, false)),
        (&["user", "create", "--username", "bob"], "user_created", "", (false, true)),
        (&set_password, "user_changed", user, (true, true)),
        (&["user", "revoke-sessions", user], "user_changed", user, (true, true)),
        (&["user", "disable", user], "user_changed", user, (true, true)),
        (&["user", "enable", user], "user_changed", user, (true, true)),
        (&["user", "update", user, "--username", "carol"], "user_changed", user, (true, true)),
        (&["group", "create", "admins"], "group_created", "admins", (false, true)),
        (&["user", "update", user, "--group", "admins"], "user_changed", user, (true, true)),
        (&["user", "update", user, "--no-group", "admins"], "user_changed", user, (true, true)),
        (&["group", "delete", "admins"], "group_deleted", "admins", (true, false)),
        (&["user", "delete", user], "user_deleted", user, (true, false)),
        (&["keys", "rotate"], "keys_rotated", "", (true, true)),
        (&["keys", "revoke", &active, "--force"], "key_revoked", &active, (true, true)),
        (&["storage", "restored"], "store_restored", "", (true, true)),
    ] {
        let done = keyward_reading(&shop.folder, &[arguments, &["--json"]].concat(), "another good password");
        assert_eq!(done.code, 0, "{done:?}");
        let lines: Vec<Value> = done.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let [line] = &lines[..] else { panic!("{arguments:?}: not one line: {done:?}") };
        assert_eq!((&line["target"], &line["actor"]), (&json!("audit"), &json!("operator")));
        assert_eq!(line["event"], format!("admin.{event}"), "{arguments:?}");
        let named = ["client", "user", "group", "key"].iter().any(|kind| line[kind] == target);
        assert!(target.is_empty() || named, "{arguments:?}: {line}");
        let (before, after) = (line.get("before"), line.get("after"));
        assert_eq!((before.is_some(), after.is_some()), records, "{arguments:?}: {line}");
        assert_ne!(before, after, "{arguments:?}: something changed");
        assert!(requests.insert(line["request"].as_str().unwrap().to_owned()), "{line}");
    }
    for arguments in [
        &["client", "list"][..],
        &["user", "list"],
        &["group", "list"],
        &["keys", "list"],
        &["client", "show", "x"],
    ] {
        let looked = keyward(&shop.folder, &[arguments, &["--json"]].concat());
        assert!(!looked.err.contains("audit"), "looking is no write: {looked:?}");
    }
}
