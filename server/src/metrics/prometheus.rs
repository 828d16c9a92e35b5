//! The metrics as Prometheus text.
//!
//! A histogram is written from its first duration on, and a request's error code or a call's outcome other than `ok` from
//! its first time on; everything else from the start, with 0.

use super::calls::StoreCalls;
use super::families as f;
use super::gauges::Gauges;
use super::histogram::Durations;
use super::registry::Registry;
use super::requests::Sum;
use super::text::{Samples, Text};
use keys::KeyState;
use keys::kms::meter::Outcome;

/// The media type of [`render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const STATES: [(&str, KeyState); 3] =
    [("pending", KeyState::Pending), ("active", KeyState::Active), ("retiring", KeyState::Retiring)];

/// All metrics.
pub fn render(registry: &Registry, gauges: &Gauges<'_>) -> String {
    let mut text = Text::default();
    text.family(&f::BUILD).sample(&[env!("CARGO_PKG_VERSION")], 1);
    text.family(&f::STARTED).sample(&[], gauges.started_at.seconds());
    requests(&mut text, registry);
    passwords(&mut text, gauges);
    calls(&mut text, registry);
    keys(&mut text, gauges);
    text.family(&f::CONNECTIONS).sample(&[], registry.connections.open());
    let mut connections = text.family(&f::CONNECTIONS_TOTAL);
    registry.connections.each().iter().for_each(|(event, count)| connections.sample(&[event], count));
    text.finish()
}

fn requests(text: &mut Text, registry: &Registry) {
    let mut samples = text.family(&f::REQUESTS);
    for Sum { endpoint, status, code, count } in registry.requests.each() {
        if code.is_empty() || count > 0 {
            samples.sample(&[endpoint, status, code], count);
        }
    }
    durations(text.family(&f::REQUEST_TIME), registry.requests.took());
    text.family(&f::IN_PROGRESS).sample(&[], registry.requests.in_progress());
    let mut refusals = text.family(&f::REFUSALS);
    registry.refusals().for_each(|(refusal, count)| refusals.sample(&[&snake_case(refusal.name())], count));
    let mut sign_ins = text.family(&f::SIGN_INS);
    registry.sign_ins.each().for_each(|(outcome, count)| sign_ins.sample(&[outcome], count));
}

fn passwords(text: &mut Text, gauges: &Gauges<'_>) {
    let load = &gauges.passwords;
    text.family(&f::PASSWORD_PLACES).sample(&[], load.places);
    text.family(&f::PASSWORDS_BUSY).sample(&[], load.busy);
    let mut waiting = text.family(&f::PASSWORDS_WAITING);
    waiting.sample(&["stranger"], load.strangers);
    waiting.sample(&["known"], load.known);
    text.family(&f::PASSWORDS_REFUSED).sample(&[], load.refused);
    text.family(&f::PASSWORD_TIME).durations(&[], &load.took.read());
}

fn calls(text: &mut Text, registry: &Registry) {
    let mut samples = text.family(&f::STORE_CALLS);
    for (operation, calls) in registry.store.each() {
        for (outcome, count) in calls.each() {
            if outcome == "ok" || count > 0 {
                samples.sample(&[operation, outcome], count);
            }
        }
    }
    let took = |(operation, calls): (_, &StoreCalls)| (operation, calls.took());
    durations(text.family(&f::STORE_TIME), registry.store.each().map(took));
    let mut samples = text.family(&f::KMS_CALLS);
    for (call, outcomes, _) in registry.kms.each() {
        for (outcome, count) in outcomes {
            if outcome == Outcome::Ok || count > 0 {
                samples.sample(&[call, outcome.name()], count);
            }
        }
    }
    durations(text.family(&f::KMS_TIME), registry.kms.each().map(|(call, _, took)| (call, took)));
}

fn keys(text: &mut Text, gauges: &Gauges<'_>) {
    let Gauges { now, ring, .. } = gauges;
    text.family(&f::RING_AGE).sample(&[], now.since(ring.read_at).as_secs_f64());
    text.family(&f::ROTATION_DUE).sample(&[], gauges.seconds_to_rotation());
    text.family(&f::ROTATION_OVERDUE).sample(&[], u8::from(ring.overdue));
    let mut samples = text.family(&f::SIGNING_KEYS);
    for (name, state) in STATES {
        samples.sample(&[name], gauges.keys.iter().filter(|key| **key == state).count());
    }
}

/// The histograms that have something.
fn durations(mut samples: Samples<'_>, each: impl Iterator<Item = (&'static str, Durations)>) {
    for (label, durations) in each {
        if durations.count() > 0 {
            samples.durations(&[label], &durations);
        }
    }
}

/// `RefreshReused` as `refresh_reused`.
pub(super) fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
