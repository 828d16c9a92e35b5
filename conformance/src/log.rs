//! What the server writes to its log while a test looks on.

use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};

/// The log from when it was opened, at every level, of servers that run on the thread of the test.
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
    /// Begins to keep it.
    pub fn open() -> Self {
        // With one listener only, a line that is first reached on a thread that does not listen would be taken for
        // one that nobody wants. So somebody always listens everywhere, and writes nothing.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| set_global_default(tracing_subscriber::registry()).unwrap());
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self { lines, _until_dropped: set_default(subscriber) }
    }

    /// All of it.
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
        let [event] = self.events(name).try_into().unwrap_or_else(|all| panic!("not one {name}: {all:?}"));
        event
    }
}
