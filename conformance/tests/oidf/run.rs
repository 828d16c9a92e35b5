//! How `oidf` reports the results of modules.

use crate::fake_suite::{End, StandIn};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

const LAST: &str = "oidcc-ensure-request-with-valid-pkce-succeeds";
const SKIPPED: &str = "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported";

/// A folder as `seed` leaves it.
fn configured() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("oidf")).unwrap();
    for plan in ["config", "basic", "form-post", "logout"] {
        let configuration = json!({ "alias": format!("of {plan}") }).to_string();
        std::fs::write(folder.path().join("oidf").join(format!("{plan}.json")), configuration).unwrap();
    }
    folder
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

async fn oidf(folder: &Path, suite: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oidf"));
    // A module that never ends is polled once.
    command.current_dir(folder).env_clear().args(["--suite", suite, "--module-timeout", "0"]).args(arguments);
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The JSON of a run of the Basic plan, and how the program ended.
async fn basic(stand_in: &StandIn) -> (i32, Value) {
    let folder = configured();
    let ran = oidf(folder.path(), &stand_in.url(), &["--plan", "basic", "--json"]).await;
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)))
}

fn module<'a>(document: &'a Value, name: &str) -> &'a Value {
    let modules = document["plans"][0]["modules"].as_array().unwrap();
    modules
        .iter()
        .find(|module| module["module"] == name)
        .unwrap_or_else(|| panic!("no {name} in {document}"))
}

fn unexpected(document: &Value) -> Vec<&str> {
    let modules = document["plans"][0]["modules"].as_array().unwrap();
    let unexpected = modules.iter().filter(|module| module["expected"] == false);
    unexpected.map(|module| module["module"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_clean_run_of_all_plans_succeeds() {
    let (stand_in, folder) = (StandIn::new().await, configured());
    stand_in.ends("oidcc-prompt-login", End::Finished("REVIEW"));
    let files = ["--junit", "junit.xml", "--markdown", "result.md"];
    let ran = oidf(folder.path(), &stand_in.url(), &files).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let plans: Vec<_> = stand_in.plans().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(
        plans,
        [
            "oidcc-config-certification-test-plan",
            "oidcc-basic-certification-test-plan",
            "oidcc-formpost-basic-certification-test-plan",
            "oidcc-rp-initiated-logout-certification-test-plan",
        ]
    );
    let (_, variant, configuration) = &stand_in.plans()[1];
    assert_eq!(variant, &json!({ "server_metadata": "discovery", "client_registration": "static_client" }));
    assert_eq!(configuration, &json!({ "alias": "of basic" }), "as seed wrote it");
    assert_eq!(stand_in.started().len(), 1 + 35 + 35 + 11);
    // One line a module, then the table.
    assert_eq!(ran.stdout.lines().take_while(|line| !line.is_empty()).count(), 82);
    assert!(ran.stdout.contains(&format!("skipped          {SKIPPED}\n")), "{}", ran.stdout);
    assert!(ran.stdout.contains("passed, picture  oidcc-prompt-login\n"));
    let row = ran.stdout.lines().find(|line| line.starts_with("Form Post OP")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["Form", "Post", "OP", "35", "33", "1", "1", "0"]);
    assert!(ran.stderr.contains("basic 3/35 oidcc-userinfo-get\n"), "{}", ran.stderr);
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<testcase ").count(), 82);
    assert_eq!((junit.matches("<failure").count(), junit.matches("<skipped").count()), (0, 2));
    let page = std::fs::read_to_string(folder.path().join("result.md")).unwrap();
    assert!(page.contains("release 5.2.3") && page.contains("| Basic OP | 35 | 33 | 1 | 1 | 0 |"), "{page}");
    assert!(page.contains(&format!("| `{SKIPPED}` | skipped | Request objects are not supported")), "{page}");
}

#[tokio::test]
async fn an_unexpected_result_fails_the_run_with_the_reason() {
    let stand_in = StandIn::new().await;
    for (name, end) in [
        ("oidcc-server", End::Finished("FAILED")),
        ("oidcc-scope-email", End::Finished("WARNING")),
        ("oidcc-prompt-login", End::ReviewWithWarning),
        ("oidcc-scope-phone", End::Finished("SKIPPED")),
        ("oidcc-login-hint", End::Interrupted),
        ("oidcc-ui-locales", End::Never),
        ("oidcc-codereuse", End::Refused),
        ("oidcc-refresh-token", End::Finished("UNKNOWN")),
        (SKIPPED, End::Finished("PASSED")),
    ] {
        stand_in.ends(name, end);
    }
    let (code, document) = basic(&stand_in).await;
    assert_eq!((code, &document["ok"]), (1, &json!(false)));
    let result =
        |name| (module(&document, name)["result"].clone(), module(&document, name)["complaint"].clone());
    let passes = json!("expected to pass");
    for (name, ended, complaint) in [
        ("oidcc-server", "FAILED", &passes),
        ("oidcc-scope-email", "WARNING", &passes),
        ("oidcc-prompt-login", "WARNING", &passes),
        ("oidcc-scope-phone", "SKIPPED", &json!("skipped, and no reason for that is known")),
        ("oidcc-login-hint", "INTERRUPTED", &passes),
        ("oidcc-ui-locales", "TIMED_OUT", &passes),
        ("oidcc-codereuse", "BROKEN", &passes),
        ("oidcc-refresh-token", "UNKNOWN", &passes),
        (SKIPPED, "PASSED", &json!("expected to be skipped, but it ran")),
        ("oidcc-scope-all", "PASSED", &Value::Null),
    ] {
        assert_eq!(result(name), (json!(ended), complaint.clone()), "{name}");
    }
    assert_eq!(unexpected(&document).len(), 9);
    assert_eq!(module(&document, "oidcc-server")["findings"], json!(["FAILURE CheckTwo: a <b> & \"c\""]));
    assert_eq!(
        module(&document, "oidcc-scope-email")["findings"],
        json!(["WARNING CheckTwo: a <b> & \"c\""])
    );
    let broken = module(&document, "oidcc-codereuse")["findings"][0].as_str().unwrap();
    assert_eq!(broken, "the suite answered /api/runner with 500 out of order");
    assert_eq!(module(&document, LAST)["result"], "PASSED", "the run went on");
}

#[tokio::test]
async fn every_report_shows_what_went_wrong() {
    let (stand_in, folder) = (StandIn::new().await, configured());
    stand_in.ends("oidcc-server", End::Finished("FAILED"));
    let arguments = ["--plan", "basic", "--junit", "junit.xml", "--markdown", "result.md"];
    let ran = oidf(folder.path(), &stand_in.url(), &arguments).await;
    assert_eq!(ran.code, 1);
    let line = "FAILED           oidcc-server: expected to pass\n    FAILURE CheckTwo: a <b> & \"c\"\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    let failure = "<failure message=\"FAILED: expected to pass\">expected to pass. FAILURE CheckTwo: a &lt;b&gt; &amp; \
                   &quot;c&quot;</failure>";
    assert!(junit.contains(failure) && junit.contains("failures=\"1\" skipped=\"1\""), "{junit}");
    let page = std::fs::read_to_string(folder.path().join("result.md")).unwrap();
    assert!(page.contains("| `oidcc-server` | FAILED | expected to pass. FAILURE CheckTwo"), "{page}");
}

#[tokio::test]
async fn three_modules_in_a_row_that_do_not_end_are_enough() {
    let stand_in = StandIn::new().await;
    for name in ["oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone"] {
        stand_in.ends(name, End::Never);
    }
    let (code, document) = basic(&stand_in).await;
    assert_eq!(code, 1);
    assert_eq!(stand_in.started().last().unwrap(), "oidcc-scope-phone");
    assert_eq!(module(&document, "oidcc-scope-all")["result"], "NOT_RUN");
    assert_eq!(document["plans"][0]["modules"].as_array().unwrap().len(), 35, "each is reported");
}

#[tokio::test]
async fn a_plan_of_other_modules_is_not_the_one_we_pass() {
    let stand_in = StandIn::new().await;
    stand_in.has_also("oidcc-of-tomorrow");
    stand_in.lacks("oidcc-scope-all");
    let (code, document) = basic(&stand_in).await;
    assert_eq!(code, 1);
    assert_eq!(unexpected(&document), ["oidcc-of-tomorrow", "oidcc-scope-all"]);
    assert_eq!(module(&document, "oidcc-of-tomorrow")["complaint"], "not in plans/basic.json");
    assert_eq!(module(&document, "oidcc-scope-all")["findings"], json!(["the suite's plan doesn't have it"]));
}

#[tokio::test]
async fn modules_can_be_chosen() {
    let (stand_in, folder) = (StandIn::new().await, configured());
    let one = ["--plan", "basic", "--module", "oidcc-server"];
    assert_eq!(oidf(folder.path(), &stand_in.url(), &one).await.code, 0);
    assert_eq!(stand_in.started(), ["oidcc-server"]);
    let none = oidf(folder.path(), &stand_in.url(), &["--module", "oidcc-sever"]).await;
    assert_eq!((none.code, none.stderr.contains("no module was run")), (1, true), "{}", none.stderr);
    let plan = oidf(folder.path(), &stand_in.url(), &["--plan", "dynamic"]).await;
    assert_eq!((plan.code, plan.stderr.contains("config, basic, form-post, logout")), (1, true));
}

#[tokio::test]
async fn what_keeps_a_run_from_beginning_is_said_in_one_line() {
    let folder = configured();
    let gone = StandIn::unbound();
    let ran = oidf(folder.path(), &gone, &[]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(ran.stderr.contains(&format!("the suite can't be reached at {gone}")), "{}", ran.stderr);
    let stand_in = StandIn::new().await;
    std::fs::remove_file(folder.path().join("oidf/basic.json")).unwrap();
    let ran = oidf(folder.path(), &stand_in.url(), &["--plan", "basic"]).await;
    assert!(
        ran.code == 1 && ran.stderr.contains("basic.json") && ran.stderr.contains("seed"),
        "{}",
        ran.stderr
    );
    for (suite, message) in [("localhost:8443", "https://"), ("ftp://localhost", "https://")] {
        let ran = oidf(folder.path(), suite, &[]).await;
        assert!(ran.code == 1 && ran.stderr.contains(message), "{}", ran.stderr);
    }
    let ran = oidf(folder.path(), "https://192.0.2.1", &["--insecure"]).await;
    assert!(ran.code == 1 && ran.stderr.contains("on this machine"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_token_is_sent_where_one_is_wanted() {
    let (stand_in, folder) = (StandIn::new().await, configured());
    stand_in.wants_token("t0k3n");
    let refused = oidf(folder.path(), &stand_in.url(), &["--plan", "config"]).await;
    assert!(refused.code == 1 && refused.stderr.contains("401 not signed in"), "{}", refused.stderr);
    std::fs::write(folder.path().join("token"), "t0k3n\n").unwrap();
    let arguments = ["--plan", "config", "--token-file", "token"];
    assert_eq!(oidf(folder.path(), &stand_in.url(), &arguments).await.code, 0);
}

#[tokio::test]
async fn a_certificate_of_the_suites_own_has_to_be_allowed() {
    let (stand_in, folder) = (StandIn::new().await, configured());
    let url = stand_in.by_tls(folder.path()).await;
    let refused = oidf(folder.path(), &url, &["--plan", "config"]).await;
    assert!(refused.code == 1 && refused.stderr.contains("certificate"), "{}", refused.stderr);
    let allowed = oidf(folder.path(), &url, &["--plan", "config", "--insecure"]).await;
    assert_eq!(allowed.code, 0, "{}", allowed.stderr);
}
