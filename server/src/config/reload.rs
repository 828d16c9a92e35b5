//! Which settings a running server can take over, and which only a restart.

use super::settings::Settings;
use super::table::ROWS;

/// The keys that SIGHUP applies. The others are built into what a process has: its listener, its store, its key ring, or the
/// policy by which keys are kept.
pub(super) const AT_RUN_TIME: [&str; 7] = [
    "signup",
    "refresh_reuse_grace",
    "origin_secret",
    "idle_timeout",
    "header_timeout",
    "security_contact",
    "security_expires",
];

/// The keys whose values differ.
pub fn changed(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let differs = |row: &&super::row::Row| (row.show)(before) != (row.show)(after);
    ROWS.iter().filter(differs).map(|row| row.key).collect()
}

/// Those of them that need a restart.
pub fn what_needs_a_restart(changed: &[&'static str]) -> Vec<&'static str> {
    changed.iter().copied().filter(|key| !AT_RUN_TIME.contains(key)).collect()
}
