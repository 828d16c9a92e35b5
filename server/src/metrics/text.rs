//! The text format of Prometheus, version 0.0.4.

use super::families::{Family, Kind};
use super::histogram::{BOUNDS, Durations};
use std::fmt::{Display, Write as _};

/// A text that is being written: families one after another, each with its samples.
#[derive(Default)]
pub(super) struct Text(String);

/// A family whose samples are being written.
pub(super) struct Samples<'a> {
    text: &'a mut String,
    family: &'static str,
    labels: &'static [&'static str],
}

impl Text {
    /// Begins a family.
    pub(super) fn family(&mut self, family: &Family) -> Samples<'_> {
        let Family { name, kind, help, labels } = *family;
        let _infallible = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.name());
        debug_assert!(kind != Kind::Counter || name.ends_with("_total"), "{name}");
        Samples { text: &mut self.0, family: name, labels }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// Writes a sample with the labels' values, which need no escapes: all are our own words.
    pub(super) fn sample(&mut self, values: &[&str], value: impl Display) {
        let _infallible = write!(self.text, "{}", self.family);
        self.labels(values, None);
        let _infallible = writeln!(self.text, " {value}");
    }

    /// Writes the buckets, the sum and the count of a histogram.
    pub(super) fn durations(&mut self, values: &[&str], durations: &Durations) {
        let mut bounds = BOUNDS.iter();
        for count in durations.up_to {
            let bound = bounds.next().map_or_else(|| "+Inf".to_owned(), |bound| seconds(*bound * 1_000));
            let _infallible = write!(self.text, "{}_bucket", self.family);
            self.labels(values, Some(&bound));
            let _infallible = writeln!(self.text, " {count}");
        }
        let sum = seconds(durations.nanoseconds);
        for (part, value) in [("sum", sum), ("count", durations.count().to_string())] {
            let _infallible = write!(self.text, "{}_{part}", self.family);
            self.labels(values, None);
            let _infallible = writeln!(self.text, " {value}");
        }
    }

    fn labels(&mut self, values: &[&str], bound: Option<&str>) {
        let own = self.labels.iter().copied().zip(values.iter().copied());
        for (place, (name, value)) in own.chain(bound.map(|bound| ("le", bound))).enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _infallible = write!(self.text, "{before}{name}=\"{value}\"");
        }
        if !values.is_empty() || bound.is_some() {
            self.text.push('}');
        }
    }
}

/// Nanoseconds as seconds, exactly.
fn seconds(nanoseconds: u64) -> String {
    let (whole, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:09}").trim_end_matches('0').to_owned()
}
