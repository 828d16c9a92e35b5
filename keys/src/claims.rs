//! Whether a change of the ring waits for another one.

/// How often a command looks whether another process has made its keys, four times a second: for 20 s.
pub(super) const LOOKS: usize = 80;
/// The same for a command that then makes the keys itself: for 5 s.
pub(super) const FEW_LOOKS: usize = 20;

/// Whether the claim of another process matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claims {
    /// It makes the keys.
    Count,
    /// What is done now is urgent: the other process drops its keys.
    Ignored,
}
