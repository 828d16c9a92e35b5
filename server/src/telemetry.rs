//! Logs: to standard error, as text on a terminal and as JSON elsewhere. Events of the audit log are lines with the target
//! `audit`.

use crate::config::LogFormat;
use lines::TextFields;
use protocol::event::What;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

mod audit;
mod current;
mod failure_log;
mod lines;
mod refusals;
mod throttle;
mod trace;

pub use audit::{audit, audit_by};
pub use current::{RequestIds, continued, within};
pub use failure_log::{FailureLog, LINES_A_MINUTE, REQUEST_FAILED};
pub use lines::JsonLines;
pub use refusals::refused;
pub use throttle::LogThrottle;
pub use trace::{TraceParent, XrayTrace};

/// What is logged by default.
const DEFAULT_FILTER: &str = "info";

/// Installs the log writer for the process. `filter` has the syntax of `RUST_LOG`; if it can't be read, the default is used
/// and a warning logged. A second call changes nothing.
pub fn install(format: Option<LogFormat>, filter: Option<&str>) {
    let on_terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if on_terminal { LogFormat::Text } else { LogFormat::Json });
    let (filter, complaint) = match EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER)) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(DEFAULT_FILTER), Some(error)),
    };
    // It would report a standard error that is gone, such as that of a terminal that hung up, on standard error, and panic.
    let writer = tracing_subscriber::fmt().log_internal_errors(false);
    let writer = writer.with_env_filter(filter).with_writer(io::stderr);
    let without_secrets = FilterFn::new(|it: &Metadata<'_>| tells_no_secrets(it.target(), *it.level()));
    // Fails only if a subscriber is installed already, which then stays.
    let _already_installed = match format {
        LogFormat::Text => {
            let writer = writer.with_ansi(on_terminal).map_fmt_fields(TextFields);
            writer.finish().with(without_secrets).try_init()
        }
        LogFormat::Json => {
            let writer = writer.json().flatten_event(true).with_span_list(false).map_event_format(JsonLines);
            writer.finish().with(without_secrets).try_init()
        }
    };
    if let Some(error) = complaint {
        tracing::warn!(%error, "RUST_LOG can't be read; logging at level info");
    }
}

/// The AWS SDK writes whole requests and answers at the level trace, with our records and its credentials in them, and so
/// does the runtime of Lambda functions with events. No filter turns that on.
fn tells_no_secrets(target: &str, level: Level) -> bool {
    !((target.starts_with("aws_") || target.starts_with("lambda_")) && level > Level::DEBUG)
}

/// The reference page `docs/reference/events.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Audit events\n\n\
         <!-- Generated from protocol/src/event.rs; `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         Each audit event is one line of the log with the target `audit`: its name, the request's id (also in the response \
         header `x-request-id`), the time in milliseconds, and the ids of the user, client, session and grant that it is \
         about, or the name of the group. If the request came with a trace, its ids follow \
         ([logs](../guides/operate.md#logs-and-traces)). It has no secret, no user's name and no address. A change by an operator's command (`admin.…`, on the command's standard error) \
         also has `actor`, and the hashes of the record `before` and `after`, which show whether two records are \
         equal, and nothing else about them. `RUST_LOG=off,audit=info` logs nothing else.\n\n\
         For each kind of failure by callers (`….failure`, `….throttled`, `….client_mismatch`, `password.busy`), at most ten \
         lines a minute are written per network: an IPv4 address, or an IPv6 /48, since one customer can have that many \
         addresses. The same holds for each reason of the [refused requests](../guides/operate.md#refused-requests), which \
         are not audit events, and of which all networks together have at most 600 lines a minute. All networks after the \
         first 4096 of a kind share ten lines. `log.left_out` then says `of` which event or refusal how many `lines` of how \
         many `networks` were left out, and how many of these lines came from `others` than those 4096. \
         `refresh.ahead_of_store` is written at most once a minute. No other event is ever left out.\n\n\
         | event | when |\n|---|---|\n",
    );
    for what in What::ALL {
        let _infallible = writeln!(page, "| `{}` | {} |", what.name(), what.meaning());
    }
    page
}
