//! `keyward client`: what can't be registered, and what is said about it.

use super::{Ended, keyward, migrated};
use tempfile::TempDir;

fn create(folder: &TempDir, id: &str, flags: &[&str]) -> Ended {
    keyward(folder, &[&["client", "create", "--name", "X", "--id", id], flags].concat())
}

fn update(folder: &TempDir, id: &str, flags: &[&str]) -> Ended {
    keyward(folder, &[&["client", "update", id], flags].concat())
}

fn assert_refused(ended: &Ended, said: &str) {
    assert!(ended.code == 1 && ended.err.contains(said), "{said}: {ended:?}");
}

#[test]
fn an_origin_is_registered_as_browsers_send_it() {
    let folder = migrated();
    let spa = ["--auth-method", "none", "--redirect-uri", "https://rp.example/cb"];
    assert_eq!(create(&folder, "spa", &spa).code, 0);
    assert_eq!(update(&folder, "spa", &["--origin", "capacitor://localhost"]).code, 0);
    let capital = update(&folder, "spa", &["--origin", "https://App.Example.com"]);
    assert_refused(
        &capital,
        "write the host in lower case, as browsers send it, as in https://app.example.com",
    );
    let slash = create(&folder, "b", &[&spa[..], &["--origin", "https://app.example.com/"]].concat());
    assert_refused(
        &slash,
        "an origin ends after the host or port: leave out what follows, as in https://app.example.com",
    );
    assert_refused(&update(&folder, "spa", &["--origin", "null"]), "all sandboxed pages and local files");
}

#[test]
fn an_id_is_no_users_sub() {
    let folder = migrated();
    let user = keyward(&folder, &["user", "create", "--username", "ada", "--json"]).json();
    let sub = user["sub"].as_str().unwrap();
    assert_refused(&create(&folder, sub, &[]), "has the form of a user's `sub`");
    let file = folder.path().join("clients.json");
    let declared =
        format!(r#"{{ "clients": [{{ "client_id": "{sub}", "client_name": "X", "scope": "x" }}] }}"#);
    std::fs::write(file, declared).unwrap();
    assert_refused(&keyward(&folder, &["apply", "clients.json"]), "has the form of a user's `sub`");
    let random = keyward(&folder, &["client", "create", "--name", "X", "--json"]).json();
    assert!(random["client_id"].as_str().is_some_and(|id| id.len() > sub.len()), "{random}");
}

#[test]
fn no_resource_is_the_id_of_a_client_where_users_sign_in() {
    let folder = migrated();
    let (web, api) = ("https://app.example.com", "api://orders");
    let signs_in = ["--redirect-uri", "https://app.example.com/cb"];
    assert_eq!(create(&folder, web, &signs_in).code, 0);
    assert_eq!(create(&folder, api, &["--resource", api]).code, 0, "an API may have its resource as its id");
    assert_eq!(create(&folder, "worker", &["--audience", api]).code, 0);
    let said = "could take access tokens for ID tokens";
    assert_refused(&create(&folder, "other", &["--audience", web]), said);
    assert_refused(&create(&folder, "other", &["--resource", web]), said);
    assert_refused(&update(&folder, "worker", &["--audience", web]), said);
    assert_refused(&update(&folder, web, &["--audience", web]), said);
    let now_signs_in = [&["--grant", "authorization_code"][..], &signs_in].concat();
    assert_refused(&update(&folder, api, &now_signs_in), said);
    assert_eq!(create(&folder, "planned", &["--audience", "urn:shop"]).code, 0);
    assert_refused(&create(&folder, "urn:shop", &signs_in), said);

    let declared = |audience: &str| {
        let text = format!(
            "[[clients]]\nclient_id = \"urn:portal\"\nclient_name = \"Portal\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
             [[clients]]\nclient_id = \"batch\"\nclient_name = \"Batch\"\naudiences = [\"{audience}\"]\n"
        );
        std::fs::write(folder.path().join("clients.toml"), text).unwrap();
        keyward(&folder, &["apply", "clients.toml", "--dry-run"])
    };
    assert_refused(
        &declared("urn:portal"),
        "client `batch`: the resource `urn:portal` of client `batch` is the id",
    );
    assert_refused(&declared(web), said);
    assert_eq!(declared("urn:orders").code, 0);
}

#[test]
fn tokens_contain_only_claims_that_users_can_have() {
    let folder = migrated();
    let flags = ["--redirect-uri", "https://rp.example/cb", "--id-token-claims"];
    let typo = create(&folder, "web", &[&flags[..], &["emial https://a.example/x"]].concat());
    assert_refused(&typo, "`emial` is no claim that users can have");
    assert_refused(&typo, "did you mean `email`?");
    let nonce = create(&folder, "web", &[&flags[..], &["email nonce"]].concat());
    let reserved =
        "the claim `nonce` has a meaning in the protocols, and only the server sets it: choose another name";
    assert!(nonce.code == 1 && nonce.err == format!("keyward: {reserved}\n"), "{nonce:?}");
    assert_eq!(create(&folder, "web", &[&flags[..], &["email groups https://a.example/x"]].concat()).code, 0);
    assert_refused(&update(&folder, "web", &["--access-token-claims", "nam"]), "did you mean `name`?");
    std::fs::write(folder.path().join("keyward.toml"), "[claims]\ndepartment = \"profile\"\n").unwrap();
    assert_eq!(update(&folder, "web", &["--access-token-claims", "department"]).code, 0);
    std::fs::remove_file(folder.path().join("keyward.toml")).unwrap();
    let stays = update(&folder, "web", &["--access-token-claims", "department email"]);
    assert_eq!(stays.code, 0, "what it has already may stay: {stays:?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder = migrated();
    let all = create(
        &folder,
        "web",
        &[
            "--redirect-uri",
            "http://rp.example/cb",
            "--redirect-uri",
            "app:/cb",
            "--origin",
            "*",
            "--grant",
            "client_credentials",
            "--access-token-ttl",
            "9d",
        ],
    );
    for said in [
        "http is for 127.0.0.1",
        "also allow schemes without a dot (--native, --dotless-schemes)\n",
        "origin `*`",
        "access_token_ttl is at most",
    ] {
        assert_refused(&all, said);
    }
}

#[test]
fn an_update_without_an_option_is_refused_with_all_there_are() {
    let folder = migrated();
    assert_eq!(create(&folder, "worker", &[]).code, 0);
    let nothing = update(&folder, "worker", &[]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    for option in ["--name", "--redirect-uri", "--claims", "--from-json", "--first-party"] {
        assert!(nothing.err.contains(option), "{option}: {nothing:?}");
    }
    assert_eq!(update(&folder, "worker", &["--name", "W", "--scope", "a b", "--native", "false"]).code, 0);
}

#[test]
fn first_party_without_an_effect_is_said_once() {
    let folder = migrated();
    let said = "its users are asked for consent all the same";
    let local = ["--redirect-uri", "http://localhost:3000/cb", "--first-party"];
    let created = create(&folder, "local", &local);
    assert!(created.code == 0 && created.err.matches(said).count() == 1, "{created:?}");
    let rotated = keyward(&folder, &["client", "rotate-secret", "local"]);
    assert!(rotated.code == 0 && !rotated.err.contains(said), "{rotated:?}");
    assert!(!update(&folder, "local", &["--name", "L"]).err.contains(said));
    assert!(update(&folder, "local", &["--first-party", "true"]).err.contains(said));
    let both =
        update(&folder, "local", &[&local[..2], &["--redirect-uri", "https://rp.example/cb"]].concat());
    assert!(both.code == 0 && !both.err.contains(said), "{both:?}");
    let text = "[[clients]]\nclient_id = \"x\"\nclient_name = \"X\"\nfirst_party = true\nredirect_uris = [\"http://[::1]/\"]\n";
    std::fs::write(folder.path().join("clients.toml"), text).unwrap();
    assert!(keyward(&folder, &["apply", "clients.toml"]).err.contains(said));
    assert!(!keyward(&folder, &["apply", "clients.toml"]).err.contains(said), "nothing differs");
}
