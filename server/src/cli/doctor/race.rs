//! One code, redeemed many times at once.

use super::check::Difference;
use super::flow::{Flow, Tokens};
use super::visitor::{form, outline};
use crate::cli::reach::Connection;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// How many redemptions there are at once.
const REDEMPTIONS: usize = 64;

/// Redeems a code: one attempt gets tokens, which `won` gets, and all others are refused.
pub(super) async fn run(flow: &Flow, code: &str, won: &mut Option<Tokens>) -> Result<String, Difference> {
    // Connected beforehand, so that the requests arrive together.
    let connections = connect(flow).await?;
    let mut answers = JoinSet::new();
    for connection in connections {
        let request = request(flow, code)?;
        answers.spawn(connection.send(request));
    }
    let mut outcomes = BTreeMap::<String, usize>::new();
    for answer in answers.join_all().await {
        let outcome = answer.as_ref().map_or_else(|_| "no answer".to_owned(), outline);
        *outcomes.entry(outcome).or_default() += 1;
        if let Some(answer) = answer.ok().filter(|answer| answer.status() == 200) {
            *won = Some(flow.tokens_of(answer, "a redemption")?);
        }
    }
    Ok(format!("one code, redeemed at once: {}", judge(&outcomes)?))
}

async fn connect(flow: &Flow) -> Result<Vec<Connection>, String> {
    let mut connecting = JoinSet::new();
    for _ in 0..REDEMPTIONS {
        let server = flow.visitor.server.clone();
        connecting.spawn(async move { server.connect().await });
    }
    connecting.join_all().await.into_iter().collect()
}

fn request(flow: &Flow, code: &str) -> Result<Request<Full<Bytes>>, String> {
    let (head, body) = form(&flow.visitor.path("/token"), &flow.redemption(code));
    head.body(Full::new(body)).map_err(|error| error.to_string())
}

/// Judges how often each outcome was seen.
fn judge(outcomes: &BTreeMap<String, usize>) -> Result<String, Difference> {
    let found = outcomes.iter().map(|(outcome, count)| format!("{count} × {outcome}"));
    let found = found.collect::<Vec<_>>().join(", ");
    let expected = format!("1 × 200, {} × 400 invalid_grant", REDEMPTIONS - 1);
    if found == expected {
        return Ok(found);
    }
    let fix = if outcomes.get("200").is_some_and(|count| *count > 1) {
        "a code was redeemed twice: report this"
    } else if outcomes.contains_key("429") {
        "Lambda refused some requests: raise `MaxConcurrency`, or the account's limit of concurrent executions (10 in some \
         new accounts), and run this again"
    } else {
        "the server's log says why requests failed"
    };
    Err(Difference::new(expected, found, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(outcomes: &[(&str, usize)]) -> Result<String, Difference> {
        judge(&outcomes.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect())
    }

    #[test]
    fn one_success_is_right_and_everything_else_differs() {
        assert_eq!(
            judged(&[("200", 1), ("400 invalid_grant", 63)]).unwrap(),
            "1 × 200, 63 × 400 invalid_grant"
        );
        for (outcomes, fix) in [
            (&[("200", 2), ("400 invalid_grant", 62)][..], "report this"),
            (&[("200", 2), ("400 invalid_grant", 60), ("429", 2)], "report this"),
            (&[("200", 1), ("400 invalid_grant", 50), ("429", 13)], "MaxConcurrency"),
            (&[("400 invalid_grant", 64)], "log"),
            (&[("200", 1), ("400 invalid_grant", 62), ("503", 1)], "log"),
        ] {
            let difference = judged(outcomes).unwrap_err();
            assert!(difference.fix.contains(fix), "{outcomes:?}: {difference:?}");
        }
    }
}
