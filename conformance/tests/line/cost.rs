//! What each flow asks of DynamoDB, counted on the line, and what that costs: `docs/reference/cost.md` is what
//! this writes.

use super::*;
use std::fmt::Write as _;
use std::path::Path;
use storage::contract::wire::Sent;

const READS: [&str; 4] = ["GetItem", "BatchGetItem", "Query", "Scan"];

/// A flow and what went over the line.
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

async fn measured() -> Vec<Flow> {
    let (world, wire) = wired().await;
    let (_, ask) = machine(&world).await;
    world.send(ask()).await;
    wire.take();
    let mut flows = Vec::new();
    let mut note = |name| flows.push(Flow { name, sent: wire.take() });
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        world.send(get(path)).await;
    }
    note("metadata and key set");
    world.send(ask()).await;
    note("client credentials");
    let mut browser = Browser::new();
    let page = browser.visit(&world, &request()).await;
    note("authorization request without a session");
    let consent = browser.sign_in(&world, &page, "alice", PASSWORD).await;
    note("sign-in by password, up to the consent page");
    let answer = browser.consent(&world, &consent, "approve").await;
    note("first consent, up to the code");
    let tokens = world.send(redeem(&code(&answer))).await;
    note("code to tokens");
    let again = browser.visit(&world, &request()).await;
    note("authorization request with session and remembered consent");
    let others = world.send(redeem(&code(&again))).await;
    wire.take();
    world.pass(31);
    let fresh = world.send(refresh(&tokens)).await;
    note("refresh that rotates");
    world.send(refresh(&fresh)).await;
    note("refresh within the grace");
    assert_eq!(world.send(userinfo(&fresh)).await.status, 200);
    note("userinfo");
    world.send(revoke(&member(&fresh, "access_token"))).await;
    note("revocation of an access token");
    world.send(revoke(&member(&fresh, "refresh_token"))).await;
    note("revocation of a refresh token");
    browser.get(&world, &logout(&others)).await;
    note("logout, grants being offline");
    flows
}

fn page(flows: &[Flow], prices: &serde_json::Value) -> String {
    let mut text = format!(
        "<!-- Written by conformance/tests/line/cost.rs from what goes over the line; not by hand. -->\n\
         # What DynamoDB costs\n\n\
         Each flow was run against the emulator with the calls counted on the line, and the capacity units that it \
         reports for them. Client records and keys are in the cache, as they nearly always are. Prices are those of \
         on-demand tables in {}, as of {} (`docs/reference/prices.json`): ${} a million write units, ${} a million \
         read units. Storage, backups and KMS come on top. Not measured on AWS yet.\n\n\
         | flow | calls | read units | write units | $ a million |\n|---|---|---|---|---|\n",
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
    let written = page(&measured().await, &serde_json::from_str(&prices).unwrap());
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
async fn budgets_of_the_design_hold_on_the_line() {
    let flows = measured().await;
    let budget = [
        ("metadata and key set", 0),
        ("client credentials", 0),
        ("authorization request without a session", 0),
        ("authorization request with session and remembered consent", 2),
        ("code to tokens", 2),
        ("refresh that rotates", 2),
        ("refresh within the grace", 1),
        ("userinfo", 1),
        ("revocation of an access token", 1),
        ("revocation of a refresh token", 2),
    ];
    for (name, calls) in budget {
        let flow = flows.iter().find(|flow| flow.name == name).unwrap();
        assert_eq!(flow.sent.len(), calls, "{name}: {:?}", flow.sent);
        assert!(flow.units(false) <= 1.0, "{name} writes one record of 1 kB at most: {:?}", flow.sent);
    }
}
