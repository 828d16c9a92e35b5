//! What the server writes to its log during a test.

use serde_json::Value;
use server::telemetry::JsonLines;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};

/// The log at every level since it was opened, of servers that run on the test's thread.
pub struct Log {
    lines: Lines,
    _until_dropped: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Starts recording.
    pub fn open() -> Self {
        // With one subscriber only, a log line that is first reached on a thread without it would be disabled for good.
        // So a global subscriber listens everywhere and writes nothing.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| set_global_default(tracing_subscriber::registry()).unwrap());
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .map_event_format(JsonLines)
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self { lines, _until_dropped: set_default(subscriber) }
    }

    /// The whole log.
    pub fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of the audit log with the event of that name.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == "audit" && line["event"] == name).collect()
    }

    /// The one event of that name.
    pub fn event(&self, name: &str) -> Value {
        let [event] =
            self.events(name).try_into().unwrap_or_else(|all| panic!("not exactly one {name}: {all:?}"));
        event
    }
}
