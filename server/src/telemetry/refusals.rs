//! The line of the log about a refused request: whose it was, what was refused, and why.

use protocol::Refusal;
use protocol::evidence::Evidence;
use protocol::id::RequestId;

/// Writes it. How many of them are written is limited by [`super::FailureLog`].
pub fn refused(request: RequestId, endpoint: &str, refusal: Refusal, evidence: &Evidence) {
    let Evidence { client, sent, registered } = evidence;
    tracing::info!(
        target: "keyward::refusal",
        %request,
        endpoint,
        client = client.as_deref(),
        error = refusal.code().as_str(),
        refusal = refusal.name(),
        reason = refusal.reason(),
        sent = sent.as_deref(),
        registered = registered.as_deref(),
        "a request was refused"
    );
}
