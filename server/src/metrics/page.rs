//! The reference page of metrics, generated from the tables.

use super::embedded::{ALARMING, NAMES};
use super::families::ALL;
use super::histogram::BOUNDS;
use super::prometheus::snake_case;
use super::requests::{ENDPOINTS, OTHER, STATUSES};
use protocol::Refusal;
use std::fmt::Write as _;

/// The whole page `docs/reference/metrics.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         <!-- Generated from server/src/metrics; `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         With the [setting](settings.md) `metrics_listen`, `serve` and `dev` answer `GET /metrics` on a listener of its own, in \
         Prometheus's text format (version 0.0.4). It has no authentication: bind it to an address that only the \
         monitoring system reaches. On AWS Lambda the setting has no effect, and [lines of the log](#on-aws-lambda) are \
         written instead. [The guide](../guides/operate.md#metrics-and-alerts) has alert rules.\n\n\
         Counts begin at 0 with each start of the process. Nothing that a caller sends becomes a label, so the number of \
         series is bounded: clients, users, addresses and paths are not distinguished. A histogram appears with its first \
         value, and so does a series with an `error`, or with an `outcome` of a call other than `ok`.\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels, help) = (family.name, family.kind.name(), labels.join(", "), family.help);
        let _infallible = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    let bounds: Vec<String> = BOUNDS
        .iter()
        .map(|bound| format!("{}", std::time::Duration::from_micros(*bound).as_secs_f64()))
        .collect();
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let reasons: Vec<String> = Refusal::ALL.iter().map(|refusal| snake_case(refusal.name())).collect();
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    let _infallible = write!(
        page,
        "\nThe buckets of histograms end at {} seconds; the last has no end.\n\n\
         ## Values of labels\n\n\
         | label | values |\n|---|---|\n\
         | `endpoint` | {}, and `{OTHER}` for every other path; paths are below the issuer |\n\
         | `status` | {}; the last: the caller left before the answer, or the request took too long (30 s) |\n\
         | `error` | empty, or an [error code](errors.md); `server_error` and `temporarily_unavailable` are failures of the \
         server. An error that is sent to the client by a redirect has the status `3xx` |\n\
         | `reason` | {} |\n\
         | `outcome` of `keyward_sign_ins_total` | `success`, `failure`, `throttled`, `busy`: the [audit events](events.md) \
         `login.success`, `login.failure`, `login.throttled` and `password.busy`, with those that the log leaves out |\n\
         | `operation`, `outcome` of `keyward_store_calls_total` | the methods of `Store` in `storage/src/store.rs`; `ok`, `busy` \
         (a lock, a throttle or a deadline), `unavailable`, `corrupt` |\n\
         | `call`, `outcome` of `keyward_kms_calls_total` | the calls that KMS has permissions for, such as `Decrypt` and `Sign`; \
         `ok`, `throttled`, `timed_out`, `refused`, `unavailable` |\n\
         | `state` | `pending`, `active`, `retiring` |\n\
         | `caller` | `stranger`, `known`: see [attempt limits and queues](../concepts/attempts.md) |\n\
         | `event` | `accepted`, `refused`, `evicted` |\n\n",
        bounds.join(", "),
        list(&ENDPOINTS),
        list(&STATUSES),
        list(&reasons),
    );
    page.push_str(
        "## On AWS Lambda\n\n\
         The function writes a line to its log after an invocation, at most once a minute, and one before it ends. Counts are \
         those since the line before. CloudWatch makes metrics of some, in the namespace `Keyward`, by `FunctionName`; since \
         it charges for each hour in which a metric comes, only for values other than 0. The others are fields for \
         [queries of the log](../../deploy/README.md#dashboard).\n\n\
         | field | unit | metric | meaning |\n|---|---|---|---|\n",
    );
    for (name, unit, meaning) in NAMES {
        let metric = if ALARMING.contains(&name) { "yes" } else { "" };
        let _infallible = writeln!(page, "| `{name}` | {unit} | {metric} | {meaning} |");
    }
    page
}
