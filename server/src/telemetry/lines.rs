//! Adds the ids of the current request to the lines of the log. A line that names its request itself gets the others only.

use super::current::{RequestIds, current};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The field by which a line names its request.
const REQUEST: &str = "request";

impl RequestIds {
    /// Writes them, each by `write`.
    fn each(
        &self,
        names_request: bool,
        mut write: impl FnMut(&str, &dyn fmt::Display) -> fmt::Result,
    ) -> fmt::Result {
        if !names_request {
            write(REQUEST, &self.request)?;
        }
        if let Some(trace) = &self.trace {
            write("trace_id", &trace.trace())?;
            write("span_id", &trace.span())?;
        }
        self.xray.iter().try_for_each(|xray| write("xray", xray))
    }
}

/// Lines of JSON with the ids as their last members.
pub struct JsonLines<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for JsonLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = current() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let Some(open) = line.strip_suffix("}\n") else { return writer.write_str(&line) };
        writer.write_str(open)?;
        let names_request = event.metadata().fields().field(REQUEST).is_some();
        // Ids have no character that JSON escapes.
        ids.each(names_request, |name, id| write!(writer, r#","{name}":"{id}""#))?;
        writer.write_str("}\n")
    }
}

/// The fields of a line of text, with the ids after them.
pub(super) struct TextFields<F>(pub(super) F);

impl<'w, F: for<'a> FormatFields<'a>> FormatFields<'w> for TextFields<F> {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), &fields)?;
        let Some(ids) = current() else { return Ok(()) };
        let mut request = Seen(false);
        fields.record(&mut request);
        ids.each(request.0, |name, id| write!(writer, " {name}={id}"))
    }
}

/// Whether there is a field that names the request.
struct Seen(bool);

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.0 |= field.name() == REQUEST;
    }
}
