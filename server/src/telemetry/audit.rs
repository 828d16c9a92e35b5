//! The audit log: one line an event, with the target `audit`.

use protocol::event::{Event, RecordHash};
use storage::Stamp;
use tracing::Value;
use tracing::field::display;

/// Writes an event to the audit log. It has ids only, so nothing in it needs masking.
pub fn audit(stamp: impl Into<Stamp>, event: &Event) {
    write(None, stamp.into(), event);
}

/// Writes what an operator did to the audit log, with the operator's name.
pub fn audit_by(actor: &str, stamp: Stamp, event: &Event) {
    write(Some(actor), stamp, event);
}

fn write(actor: Option<&str>, stamp: Stamp, event: &Event) {
    let (Stamp { at, request }, Event { what, user, client, session, grant, group, key, change }) =
        (stamp, event);
    let text = |id: Option<String>| id.map(display);
    let hash = |hash: Option<RecordHash>| text(hash.map(|hash| hash.to_string()));
    tracing::info!(
        target: "audit",
        event = what.name(),
        request = %request,
        at = at.millis(),
        user = text(user.map(|id| id.to_string())),
        client = client.as_ref().map(|id| chosen(id.as_str())),
        session = text(session.map(|id| id.to_string())),
        grant = text(grant.map(|id| id.to_string())),
        group = group.as_ref().map(|name| chosen(name.as_str())),
        key = text(key.clone()),
        actor,
        before = hash(change.and_then(|change| change.before)),
        after = hash(change.and_then(|change| change.after)),
    );
}

/// A value that somebody chose. In a line of text it is quoted if a reader could take part of it for another field.
fn chosen(text: &str) -> Box<dyn Value + '_> {
    if text.contains([' ', '"', '=']) { Box::new(text) } else { Box::new(display(text)) }
}
