//! The part of `docs/reference/cost.md` about KMS.

use super::kms_calls::{Calls, Needs, needs};
use keys::kms::Mode;
use serde_json::Value;
use std::fmt::Write as _;

/// Priced differently by KMS.
const ALGS: [&str; 2] = ["RS256", "ES256"];
const DEFAULT_ALGS: &str = "RS256,ES256";

/// Counts the calls, and writes them down with prices.
pub(super) async fn written(prices: &Value) -> String {
    let prices = &prices["kms"];
    let columns = [Column::new(Mode::Envelope).await, Column::new(Mode::Sign).await];
    let mut text = format!(
        "\n## KMS\n\n\
         Each step was run in both modes of [keys in KMS](../guides/aws-kms.md), with one signing algorithm, by a server \
         and by a rotation, each with an access key of its own; the emulator counted their calls. Prices are those of {} \
         (`docs/reference/prices.json`), in dollars for 10 000 requests: {}. (Published prices of asymmetric requests \
         differ; check yours.) The 20 000 requests that are free each month are not deducted. Not measured on AWS yet.\n\n",
        prices["as_of"].as_str().unwrap(),
        price_list(prices),
    );
    table(
        &mut text,
        &columns,
        "$ per million",
        |needs| &needs.steps,
        |cost| format!("{:.2}", cost * 1e6),
        prices,
    );
    text.push_str(
        "\nIn 31 days the keys rotate once, as they do by default. A running server calls KMS for nothing else:\n\n",
    );
    table(&mut text, &columns, "$", |needs| &needs.months, |cost| format!("{cost:.6}"), prices);
    let [envelope, sign] = columns;
    let (one, default) = (&sign.of_algs[0], &sign.of_default);
    writeln!(
        text,
        "\nWith the default algorithms, RS256 and ES256, a cold start is {} in `kms-envelope` and {} in `kms-sign`.\n\n\
         A KMS key costs ${} a month. `kms-envelope` has {}. `kms-sign` has {} with one algorithm and {} with \
         two; {} and {} while keys are retiring. A key that has left the key set costs as much until its deletion is \
         scheduled.",
        listed(&envelope.of_default.steps[0].1),
        listed(&default.steps[0].1),
        prices["dollars_per_key_and_month"],
        envelope.of_default.keys.1,
        one.keys.0,
        default.keys.0,
        one.keys.1,
        default.keys.1,
    )
    .unwrap();
    text
}

/// A mode.
struct Column {
    name: &'static str,
    /// With each of [`ALGS`].
    of_algs: Vec<Needs>,
    of_default: Needs,
}

impl Column {
    async fn new(mode: Mode) -> Self {
        let name = if mode == Mode::Envelope { "`kms-envelope`" } else { "`kms-sign`" };
        let mut of_algs = Vec::new();
        for alg in ALGS {
            of_algs.push(needs(mode, alg).await);
        }
        Self { name, of_algs, of_default: needs(mode, DEFAULT_ALGS).await }
    }
}

fn table(
    text: &mut String,
    columns: &[Column],
    unit: &str,
    rows: impl Fn(&Needs) -> &Vec<(&'static str, Calls)>,
    shown: impl Fn(f64) -> String,
    prices: &Value,
) {
    let titles = columns.iter().flat_map(|column| {
        let costs = ALGS.map(|alg| format!("{unit}, {alg}"));
        std::iter::once(column.name.to_owned()).chain(costs)
    });
    row(text, "step", titles);
    row(text, "---", columns.iter().flat_map(|_| ["---"; 1 + ALGS.len()].map(str::to_owned)));
    for (place, (name, _)) in rows(&columns[0].of_algs[0]).iter().enumerate() {
        let cells = columns.iter().flat_map(|column| {
            let calls = &rows(&column.of_algs[0])[place].1;
            assert!(column.of_algs.iter().all(|needs| rows(needs)[place].1 == *calls), "{name}");
            let costs = ALGS.map(|alg| shown(dollars(calls, alg, prices)));
            std::iter::once(listed(calls)).chain(costs)
        });
        row(text, name, cells);
    }
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.collect();
    writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
}

/// `2 Decrypt, 1 Sign`.
fn listed(calls: &Calls) -> String {
    let listed: Vec<_> = calls.iter().map(|(operation, count)| format!("{count} `{operation}`")).collect();
    if listed.is_empty() { "0".to_owned() } else { listed.join(", ") }
}

fn price_list(prices: &Value) -> String {
    let prices = prices["dollars_per_10000_requests"].as_object().unwrap();
    let listed: Vec<_> = prices.iter().map(|(kind, price)| format!("{kind} {price}")).collect();
    listed.join(", ")
}

fn dollars(calls: &Calls, alg: &str, prices: &Value) -> f64 {
    let price = |operation: &str| {
        let kind = match (operation, alg) {
            ("Decrypt" | "GenerateDataKeyWithoutPlaintext" | "CreateKey", _) => "symmetric",
            ("Sign" | "GetPublicKey", "RS256") => "RSA-2048",
            ("Sign" | "GetPublicKey", _) => "other asymmetric",
            ("GenerateDataKeyPairWithoutPlaintext", "RS256") => "RSA data key pair",
            ("GenerateDataKeyPairWithoutPlaintext", _) => "ECC data key pair",
            _ => panic!("{operation} has no price"),
        };
        prices["dollars_per_10000_requests"][kind].as_f64().unwrap() / 10_000.0
    };
    calls.iter().fold(0.0, |sum, (operation, count)| sum + *count as f64 * price(operation))
}
