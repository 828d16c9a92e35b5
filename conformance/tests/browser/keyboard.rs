//! Using the pages without a mouse.

use crate::chromium::Chromium;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};

/// Keys as WebDriver writes them (WebDriver §17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const SHIFT: &str = "\u{e008}";
pub(crate) const CONTROL: &str = "\u{e009}";

impl Chromium {
    /// Presses keys one after the other, wherever the focus is.
    pub(crate) async fn keys(&self, keys: &[&str]) {
        let keyboard = pressed(KeyActions::new("keyboard".into()), keys);
        self.client.perform_actions(keyboard).await.unwrap();
    }

    /// The same while another key is held.
    pub(crate) async fn keys_held(&self, held: &str, keys: &[&str]) {
        let value = held.chars().next().unwrap();
        let keyboard = KeyActions::new("keyboard".into()).then(KeyAction::Down { value });
        let keyboard = pressed(keyboard, keys).then(KeyAction::Up { value });
        self.client.perform_actions(keyboard).await.unwrap();
    }

    /// The elements that Tab reaches from here to the one with this id or value; each has a visible focus ring.
    pub(crate) async fn stops(&self, last: &str) -> Vec<String> {
        let mut order = Vec::new();
        while order.last().map(String::as_str) != Some(last) {
            assert!(order.len() < 40, "no way to {last}: {order:?}");
            self.keys(&[TAB]).await;
            order.push(self.focus().await);
            let focused = self.client.active_element().await.unwrap();
            assert_eq!(focused.css_value("outline-style").await.unwrap(), "solid", "{order:?}");
        }
        order
    }
}

fn pressed(keyboard: KeyActions, keys: &[&str]) -> KeyActions {
    keys.concat().chars().fold(keyboard, |keyboard, value| {
        keyboard.then(KeyAction::Down { value }).then(KeyAction::Up { value })
    })
}
