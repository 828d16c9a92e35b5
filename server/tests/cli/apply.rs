//! `keyward apply`: the difference, what is changed, and what is left alone.

use super::{Ended, keyward, migrated};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef-of-the-environment";

fn declare(folder: &TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

fn apply(folder: &TempDir, flags: &[&str]) -> Ended {
    apply_with(folder, flags, SECRET)
}

fn apply_with(folder: &TempDir, flags: &[&str], secret: &str) -> Ended {
    let mut command: Command = super::command(folder, &[&["apply", "clients.toml"], flags].concat());
    let done = command.env("WORKER_SECRET", secret).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// What changed: action and id.
fn changes(report: &Value) -> Vec<(&str, &str)> {
    let all = report["changes"].as_array().unwrap().iter();
    all.map(|change| (change["action"].as_str().unwrap(), change["id"].as_str().unwrap())).collect()
}

fn clients(folder: &TempDir) -> Vec<String> {
    let all = keyward(folder, &["client", "list", "--json"]).json();
    all.as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect()
}

const BOTH: &str = r#"
[[clients]]
client_id = "web"
client_name = "Web"
redirect_uris = ["https://rp.example/cb"]

[[clients]]
client_id = "urn:worker"
client_name = "Worker"
scope = "read"
client_secret_env = "WORKER_SECRET"
access_token_ttl = "5m"
"#;

#[test]
fn a_declaration_is_shown_applied_and_then_matched() {
    let folder = migrated();
    declare(&folder, "clients.toml", BOTH);
    let shown = apply(&folder, &["--dry-run", "--json"]);
    assert_eq!(changes(&shown.json()), [("create", "web"), ("create", "urn:worker")]);
    assert!(!shown.out.contains("kws_") && shown.json()["dry_run"] == true, "{shown:?}");
    assert_eq!(clients(&folder), Vec::<String>::new(), "nothing was changed");
    let applied = apply(&folder, &["--json"]).json();
    assert_eq!(changes(&applied), [("create", "web"), ("create", "urn:worker")]);
    let [web, worker] = [0, 1].map(|place| &applied["changes"][place]);
    assert!(web["client_secret"].as_str().unwrap().starts_with("kws_") && web["done"] == true, "{web}");
    assert_eq!(worker.get("client_secret"), None, "it came from the environment");
    assert_eq!(worker["fields"]["access_token_ttl"], json!({ "before": null, "after": 300 }));
    for flags in [&["--json"][..], &["--json", "--prune"], &["--json", "--dry-run"]] {
        let again = apply(&folder, flags);
        assert_eq!((again.code, &again.json()["changes"]), (0, &json!([])), "{flags:?}");
        assert!(!again.err.contains("audit"), "{again:?}");
    }
    assert!(apply(&folder, &[]).out.contains("Nothing differs."));
    // The same as JSON.
    let json = json!({ "clients": [
        { "client_id": "web", "client_name": "Web", "redirect_uris": ["https://rp.example/cb"] },
        { "client_id": "urn:worker", "client_name": "Worker", "scope": "read", "client_secret_env": "WORKER_SECRET",
          "access_token_ttl": 300 },
    ] });
    declare(&folder, "clients.json", &json.to_string());
    let mut command = super::command(&folder, &["apply", "clients.json", "--json"]);
    let done = command.env("WORKER_SECRET", SECRET).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&done.stdout).unwrap()["changes"], json!([]));
}

#[test]
fn what_was_changed_by_hand_is_changed_back_except_a_disabled_client() {
    let folder = migrated();
    declare(&folder, "clients.toml", BOTH);
    apply(&folder, &[]);
    keyward(
        &folder,
        &["client", "update", "urn:worker", "--scope", "read write", "--access-token-ttl", "default"],
    );
    keyward(&folder, &["client", "disable", "web"]);
    let shown = apply(&folder, &["--dry-run"]).out;
    for line in [
        "~ client urn:worker",
        "scope: \"read write\" → \"read\"",
        "access_token_ttl: none → 300",
        "1 to change",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let report = apply(&folder, &["--json"]).json();
    assert_eq!(changes(&report), [("update", "urn:worker")]);
    assert_eq!(keyward(&folder, &["client", "show", "web", "--json"]).json()["disabled"], true);
    declare(
        &folder,
        "clients.toml",
        &BOTH.replace("client_name = \"Web\"", "client_name = \"Web\"\ndisabled = false"),
    );
    assert_eq!(changes(&apply(&folder, &["--json"]).json()), [("update", "web")]);
    assert_eq!(keyward(&folder, &["client", "show", "web", "--json"]).json()["disabled"], false);
    // Another secret in the environment is another secret of the client.
    let other = apply_with(&folder, &["--json"], "fedcba9876543210-of-the-environment").json();
    assert_eq!(changes(&other), [("update", "urn:worker")]);
}

#[test]
fn only_what_was_declared_is_pruned_and_only_when_told() {
    let folder = migrated();
    keyward(&folder, &["client", "create", "--name", "By hand", "--id", "hand", "--scope", "x"]);
    keyward(&folder, &["client", "create", "--name", "Adopted", "--id", "adopted", "--scope", "x"]);
    let adopted = "[[clients]]\nclient_id = \"adopted\"\nclient_name = \"Adopted\"\nscope = \"x\"\n";
    declare(&folder, "clients.toml", &format!("{BOTH}{adopted}"));
    let report = apply(&folder, &["--json"]).json();
    assert_eq!(changes(&report), [("create", "web"), ("create", "urn:worker"), ("update", "adopted")]);
    assert_eq!(report["changes"][2]["fields"], json!({ "declared": { "before": false, "after": true } }));
    declare(&folder, "clients.toml", "");
    let kept = apply(&folder, &["--json"]).json();
    assert_eq!(
        (&kept["changes"], &kept["left_over"]),
        (&json!([]), &json!(["adopted", "urn:worker", "web"]))
    );
    let refused = apply(&folder, &["--prune"]).err;
    assert!(refused.contains("--prune would delete every declared client"), "{refused}");
    declare(&folder, "clients.toml", adopted);
    let shown = apply(&folder, &["--prune", "--dry-run"]).out;
    assert!(shown.contains("- client web"), "{shown}");
    assert_eq!(clients(&folder).len(), 4);
    let pruned = apply(&folder, &["--prune", "--json"]).json();
    assert_eq!(changes(&pruned), [("delete", "urn:worker"), ("delete", "web")]);
    assert_eq!(clients(&folder), ["adopted", "hand"]);
}

#[test]
fn a_declaration_with_a_mistake_changes_nothing_and_names_every_mistake() {
    let folder = migrated();
    let valid = "[[clients]]\nclient_id = \"fine\"\nclient_name = \"Fine\"\nscope = \"x\"\n";
    for (text, said) in [
        ("[[clients]]\nclient_name = \"X\"\n", &["entry 2: it has no client_id"][..]),
        ("[[clients]]\nclient_id = \"fine\"\n", &["client `fine`: it is declared twice"]),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_secret = \"hunter2hunter2\"\nredirect_uri = \"x\"\n",
            &[
                "client `a`: a secret does not belong in a file",
                "client `a`: `redirect_uri` is unknown; did you mean `redirect_uris`?",
            ],
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_name = \"A\"\nredirect_uris = [\"https://x/*\"]\n\
             [[clients]]\nclient_id = \"b\"\nclient_name = \"\"\n",
            &["client `a`: redirect URI `https://x/*` can't be registered", "client `b`: the name must have"],
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_name = \"A\"\nclient_secret_env = \"hunter2hunter2\"\n",
            &["client `a`: the environment variable that client_secret_env names is not set"],
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_name = \"A\"\nclient_secret_env = \"PATH_LIKE\"\n",
            &["that client_secret_env names: a secret has 32 to 256"],
        ),
        ("[[client]]\nclient_id = \"a\"\n", &["`client` is unknown: declare clients, groups and users"]),
        (
            "[[clients]]\nclient_id = \"a\"\naccess_token_ttl = \"soon\"\n",
            &["client `a`: access_token_ttl: ", "10m"],
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_name = 5\nredirect_uris = [\"x\", 7, true]\nscop = \"x\"\n\
             [[clients]]\nclient_id = \"b\"\nclient_name = \"B\"\nscope = \" \"\norigins = [\"*\", \"null\"]\n\
             access_token_ttl = \"9d\"\nid_token_claims = [\"emial\", \"nonce\"]\nclient_secret_env = \"MISSING\"\n",
            &[
                "client `a`: client_name: invalid type: integer `5`",
                "client `a`: redirect_uris[1]: invalid type: integer `7`",
                "client `a`: redirect_uris[2]: invalid type: boolean `true`",
                "client `a`: `scop` is unknown; did you mean `scope`?",
                "client `b`: ` ` is not a scope",
                "client `b`: origin `*`",
                "client `b`: origin `null`",
                "client `b`: access_token_ttl is at most",
                "client `b`: `emial` is no claim that users can have",
                "did you mean `email`?",
                "client `b`: the claim `nonce` has a meaning",
                "client `b`: the environment variable that client_secret_env names is not set",
            ],
        ),
        ("[[clients]\n", &["clients.toml"]),
    ] {
        declare(&folder, "clients.toml", &format!("{valid}{text}"));
        let mut command = super::command(&folder, &["apply", "clients.toml", "--prune"]);
        let refused = command.env("PATH_LIKE", "hunter2").output().unwrap();
        let err = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{text}");
        for said in said {
            assert!(err.contains(said), "{said}: {err}");
        }
        assert!(!err.contains("hunter2"), "{err}");
        assert_eq!(clients(&folder), Vec::<String>::new(), "{text}");
    }
    for twice in [
        r#"{ "clients": [{ "client_id": "a", "client_name": "A", "scope": "x" }], "clients": [] }"#,
        r#"{ "clients": [{ "client_id": "a", "client_name": "A", "scope": "x", "scope": "y" }] }"#,
    ] {
        declare(&folder, "twice.json", twice);
        let refused = keyward(&folder, &["apply", "twice.json"]);
        assert!(refused.code == 1 && refused.err.contains("occurs twice"), "{refused:?}");
        assert_eq!(clients(&folder), Vec::<String>::new(), "{twice}");
    }
    let missing = keyward(&folder, &["apply", "nowhere.toml"]);
    assert!(missing.code == 1 && missing.err.contains("nowhere.toml: can't be read"), "{missing:?}");
    assert_eq!(keyward(&folder, &["apply"]).code, 2);
}

#[test]
fn what_an_earlier_version_registered_can_stay_declared() {
    let folder = migrated();
    declare(&folder, "clients.toml", BOTH);
    apply(&folder, &[]);
    // No earlier version is at hand, so its record is made by hand.
    let file = folder.path().join("keyward-data/keyward.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let (new, old) = (b"https://rp.example/cb", b"https://rp.example/{}");
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(new)).collect();
    places.iter().for_each(|at| bytes[*at..*at + old.len()].copy_from_slice(old));
    std::fs::write(&file, bytes).unwrap();
    let older = BOTH.replace("https://rp.example/cb", "https://rp.example/{}");
    declare(&folder, "clients.toml", &older.replace("\"Web\"", "\"The Web\""));
    assert_eq!(changes(&apply(&folder, &["--json"]).json()), [("update", "web")]);
    assert_eq!(keyward(&folder, &["client", "disable", "web"]).code, 0);
    declare(&folder, "clients.toml", &older.replace("{}", "{other}"));
    assert!(apply(&folder, &[]).err.contains("a URI has no"));
}

const PEOPLE: &str = r#"
[[groups]]
name = "admins"

[[users]]
username = "ada"
email = "ada@example.com"
email_verified = true
claims = { name = "Ada" }
groups = ["admins"]
"#;

#[test]
fn groups_and_users_are_declared_without_passwords() {
    let folder = migrated();
    declare(&folder, "clients.toml", PEOPLE);
    let report = apply(&folder, &["--json"]).json();
    assert_eq!(changes(&report), [("create", "admins"), ("create", "ada")]);
    let ada = keyward(&folder, &["user", "show", "ada", "--json"]).json();
    assert_eq!((&ada["groups"], &ada["email_verified"]), (&json!(["admins"]), &json!(true)));
    assert_eq!(apply(&folder, &["--json", "--prune"]).json()["changes"], json!([]), "again");
    // What the file does not name is the user's own.
    declare(
        &folder,
        "clients.toml",
        "[[users]]\nusername = \"Ada\"\nclaims = { nickname = \"A\" }\ngroups = []\n",
    );
    let shown = apply(&folder, &["--dry-run"]).out;
    for line in ["~ user Ada", "groups: [\"admins\"] → []", "nickname"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(changes(&apply(&folder, &["--json", "--prune"]).json()), [("update", "Ada")]);
    let ada = keyward(&folder, &["user", "show", "ada", "--json"]).json();
    assert_eq!(ada["claims"], json!({ "name": "Ada", "nickname": "A" }));
    assert_eq!((&ada["groups"], &ada["email"]), (&json!([]), &json!("ada@example.com")));
    assert_eq!(
        keyward(&folder, &["group", "list", "--json"]).json().as_array().unwrap().len(),
        1,
        "not pruned"
    );
}

#[test]
fn a_mistake_about_a_user_or_a_group_changes_nothing() {
    let folder = migrated();
    for (text, said) in [
        (
            "[[users]]\nusername = \"bob\"\npassword = \"hunter2hunter2\"\n",
            "user `bob`: `password` is unknown: remove it",
        ),
        (
            "[[users]]\nusername = \"bob\"\ngroups = [\"nobodys\"]\n",
            "there is no group `nobodys`: declare it, too",
        ),
        ("[[users]]\nusername = \"ada\"\n", "user `ada`: it is declared twice"),
        ("[[users]]\nusername = \"bob\"\nemail = \"nowhere\"\n", "user `bob`: "),
        (
            "[[users]]\nusername = \"bob\"\nemail = \"ADA@example.com\"\nemail_verified = true\n",
            "user `bob`: user `ada` has the same verified address",
        ),
        (
            "[[users]]\nusername = \"bob\"\nemail_verified = true\n",
            "user `bob`: email_verified needs `email`",
        ),
        (
            "[[users]]\nusername = \"a1ice\"\n[[users]]\nusername = \"alice\"\n",
            "user `alice`: the name looks like that of user `a1ice`",
        ),
        ("[[users]]\nemail = \"x\"\n", "users, entry 2: it has no username, by which it is found again"),
        ("[[groups]]\nname = \"\"\n", "group ``: "),
        ("[[groups]]\nname = \"x\"\nmembers = [\"ada\"]\n", "group `x`: `members` is unknown: remove it"),
    ] {
        declare(&folder, "clients.toml", &format!("{PEOPLE}{text}"));
        let refused = apply(&folder, &[]);
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {refused:?}");
        assert!(!refused.err.contains("hunter2"), "{refused:?}");
        assert_eq!(keyward(&folder, &["user", "list", "--json"]).json(), json!([]), "{text}");
        assert_eq!(keyward(&folder, &["group", "list", "--json"]).json(), json!([]), "{text}");
    }
}

#[test]
fn every_mistake_about_a_user_is_named() {
    let folder = migrated();
    declare(
        &folder,
        "clients.toml",
        "[[groups]]\nname = \"devs\"\nmembers = []\n[[users]]\nusername = \"b b\"\nemail = \"nowhere\"\ngroups = [\"devs\", \"x\", \"y\"]\n\
         claims = { nmae = \"B\", sub = \"b\" }\n[[users]]\nusername = \"ada\"\nemail_verfied = true\ngroups = [1]\n",
    );
    let refused = apply(&folder, &["--dry-run"]);
    for said in [
        "group `devs`: `members` is unknown",
        "user `b b`: there is no group `x`",
        "user `b b`: there is no group `y`",
        "user `b b`: `b b`: a user name has letters",
        "user `b b`: this is not an e-mail address",
        "user `b b`: the claim `nmae` is not known",
        "user `b b`: the claim `sub`",
        "user `ada`: `email_verfied` is unknown; did you mean `email_verified`?",
        "user `ada`: groups[0]: invalid type: integer `1`",
    ] {
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {}", refused.err);
    }
    assert!(!refused.err.contains("no group `devs`"), "{}", refused.err);
}

#[test]
fn no_name_in_a_file_reaches_the_terminal_as_a_command() {
    let folder = migrated();
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{7f}";
    let json = json!({ "clients": [
        { "client_id": format!("{hostile}\n+ client c"), "client_name": "A", "scope": "x" },
        { "client_id": "b", "client_name": hostile, "scope": "x" },
    ] });
    declare(&folder, "clients.json", &json.to_string());
    let refused = keyward(&folder, &["apply", "clients.json"]);
    assert_eq!(refused.code, 1);
    let json = json!({ "users": [{ "username": "ada", "claims": { "https://a.example/x": hostile } }] });
    declare(&folder, "users.json", &json.to_string());
    let shown = keyward(&folder, &["apply", "users.json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let toml = format!("[[clients]]\nclient_id = '{}' x\n", hostile.replace('\u{7f}', ""));
    declare(&folder, "clients.toml", &toml);
    let broken = apply(&folder, &[]);
    let found = keyward(&folder, &["client", "show", hostile]);
    for text in [&refused.err, &shown.out, &broken.err, &found.err] {
        let is_hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_hostile) && text.contains("\\u202e"), "{text:?}");
    }
    assert!(!refused.err.contains("\n+ client c"), "{}", refused.err);
}
