//! How many calls each flow makes to DynamoDB and KMS, and what they cost. This writes `docs/reference/cost.md`.

use super::kms_page;
use super::requests::*;
use std::fmt::Write as _;
use std::path::Path;
use storage::contract::wire::Sent;

const READS: [&str; 4] = ["GetItem", "BatchGetItem", "Query", "Scan"];

/// A flow and the calls it made.
struct Flow {
    name: &'static str,
    sent: Vec<Sent>,
}

impl Flow {
    fn units(&self, reads: bool) -> f64 {
        let concerned = self.sent.iter().filter(|sent| READS.contains(&sent.operation.as_str()) == reads);
        concerned.map(|sent| sent.units).fold(0.0, |sum, units| sum + units)
    }

    fn dollars(&self, prices: &serde_json::Value) -> f64 {
        let price = |name: &str| prices[name].as_f64().unwrap();
        self.units(true) * price("dollars_per_million_read_units")
            + self.units(false) * price("dollars_per_million_write_units")
    }
}

/// The calls made since the last note, by the flow that caused them.
struct Ledger {
    wire: Wire,
    flows: Vec<Flow>,
}

impl Ledger {
    fn note(&mut self, name: &'static str) {
        self.flows.push(Flow { name, sent: self.wire.take() });
    }
}

async fn measured() -> Vec<Flow> {
    let (world, wire) = wired().await;
    let (_, ask) = machine(&world).await;
    world.relying_party().await;
    Browser::new().visit(&world, &request_of("rp", "openid profile")).await;
    world.send(ask()).await;
    wire.take();
    let mut ledger = Ledger { wire, flows: Vec::new() };
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        world.send(get(path)).await;
    }
    ledger.note("metadata and key set");
    world.send(ask()).await;
    ledger.note("client credentials");
    sign_up(&world, &mut ledger).await;
    let browser = with_tokens_that_refresh(&world, &mut ledger).await;
    with_tokens_of_the_session(&world, browser, &mut ledger).await;
    let mut stranger = Browser::new();
    let page = stranger.visit(&world, &request()).await;
    stranger.sign_in(&world, &page, "alice", "a wrong one").await;
    ledger.note("wrong password");
    world.pass(60);
    server::upkeep::look_after_keys(&world.app).await;
    server::upkeep::sweep(&world.app).await;
    ledger.note("a minute of an idle server");
    assert_eq!(world.send(get("/readyz")).await.status, 200);
    ledger.note("a request to `/readyz`");
    ledger.flows
}

async fn sign_up(world: &World, ledger: &mut Ledger) {
    let mut browser = Browser::new();
    let page = browser.visit(world, "/signup").await;
    ledger.wire.take();
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", "bob"), ("password", PASSWORD)];
    browser.submit(world, "/signup", &fields).await;
    ledger.note("sign-up, up to the account page");
}

async fn with_tokens_that_refresh(world: &World, ledger: &mut Ledger) -> Browser {
    let mut browser = Browser::new();
    let page = browser.visit(world, &request()).await;
    ledger.note("authorization request without a session");
    let consent = browser.sign_in(world, &page, "alice", PASSWORD).await;
    ledger.note("sign-in by password, up to the consent page");
    let answer = browser.consent(world, &consent, "approve").await;
    ledger.note("first consent, up to the code");
    let tokens = world.send(redeem(&code(&answer))).await;
    ledger.note("code to tokens");
    browser.visit(world, &request()).await;
    ledger.note("authorization request with session and remembered consent");
    world.pass(31);
    let fresh = world.send(refresh(&tokens)).await;
    ledger.note("refresh that rotates");
    world.send(refresh(&fresh)).await;
    ledger.note("refresh within the grace");
    assert_eq!(world.send(userinfo(&fresh)).await.status, 200);
    ledger.note("userinfo");
    world.send(revoke(&member(&fresh, "access_token"))).await;
    ledger.note("revocation of an access token");
    world.send(revoke(&member(&fresh, "refresh_token"))).await;
    ledger.note("revocation of a refresh token");
    browser
}

async fn with_tokens_of_the_session(world: &World, mut browser: Browser, ledger: &mut Ledger) {
    let consent = browser.visit(world, &request_of("rp", "openid profile")).await;
    let answer = browser.consent(world, &consent, "approve").await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code(&answer)),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let of_rp = |path, fields: &[(&str, &str)]| form(path, fields).with("authorization", &world.basic("rp"));
    let tokens = world.send(of_rp("/token", &fields)).await;
    ledger.wire.take();
    let access = member(&tokens, "access_token");
    assert_eq!(world.send(of_rp("/introspect", &[("token", &access)])).await.json()["active"], true);
    ledger.note("introspection");
    browser.get(world, &logout(&tokens)).await;
    ledger.note("logout with one grant of the session");
    assert_eq!(world.send(userinfo(&tokens)).await.status, 401);
}

fn page(flows: &[Flow], prices: &serde_json::Value) -> String {
    let mut text = format!(
        "<!-- Written by conformance/tests/dynamodb/cost.rs from the calls it counts; not by hand. -->\n\
         # What AWS costs\n\n\
         ## DynamoDB\n\n\
         Each flow was run against the emulator, with its calls counted and the capacity units that the emulator \
         reports for them. A refused write counts as one unit, the least that is billed. Client records and keys are \
         in the cache, as they nearly always are. Prices are those of on-demand tables in {}, as of {} \
         (`docs/reference/prices.json`): ${} per million write units, ${} per million read units. Storage and \
         backups come on top. Not measured on AWS yet.\n\n\
         | flow | calls | read units | write units | $ per million |\n|---|---|---|---|---|\n",
        prices["region"].as_str().unwrap(),
        prices["as_of"].as_str().unwrap(),
        prices["dollars_per_million_write_units"],
        prices["dollars_per_million_read_units"],
    );
    for flow in flows {
        let (reads, writes) = (flow.units(true), flow.units(false));
        let dollars = flow.dollars(prices);
        writeln!(text, "| {} | {} | {reads} | {writes} | {dollars:.2} |", flow.name, flow.sent.len())
            .unwrap();
    }
    text
}

#[tokio::test]
async fn flows_cost_what_the_page_says() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    let prices = std::fs::read_to_string(reference.join("prices.json")).unwrap();
    let prices = serde_json::from_str(&prices).unwrap();
    let written = page(&measured().await, &prices) + &kms_page::written(&prices).await;
    let kept = std::fs::read_to_string(reference.join("cost.md")).unwrap_or_default();
    if written != kept {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cost.md");
        std::fs::write(&new, &written).unwrap();
        panic!(
            "docs/reference/cost.md is not what was measured; the new one is {}:\n{written}",
            new.display()
        );
    }
}

#[tokio::test]
async fn each_flow_keeps_its_budget_of_calls_and_units() {
    let flows = measured().await;
    let budget = [
        ("metadata and key set", 0, 1.0),
        ("client credentials", 0, 1.0),
        ("authorization request without a session", 0, 1.0),
        // A read; the write and next to it a query for surplus grants; then a check that the consent still exists.
        ("authorization request with session and remembered consent", 4, 1.0),
        ("logout with one grant of the session", 2, 1.0),
        // Two to sign in and one to show the page; the session's write, and the query next to it.
        ("sign-in by password, up to the consent page", 5, 1.0),
        ("first consent, up to the code", 5, 2.0),
        ("introspection", 1, 1.0),
        ("code to tokens", 2, 1.0),
        ("refresh that rotates", 2, 1.0),
        ("refresh within the grace", 1, 1.0),
        ("userinfo", 1, 1.0),
        ("revocation of an access token", 1, 1.0),
        ("revocation of a refresh token", 2, 1.0),
    ];
    for (name, calls, units) in budget {
        let flow = flows.iter().find(|flow| flow.name == name).unwrap();
        assert_eq!(flow.sent.len(), calls, "{name}: {:?}", flow.sent);
        assert!(flow.units(false) <= units, "{name} writes records of 1 kB at most: {:?}", flow.sent);
    }
}
