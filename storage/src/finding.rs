//! What an examination of a store finds.

/// Something wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: &'static str,
}

/// What a store's issuer says while an import into it has not ended.
pub const UNFINISHED_IMPORT: &str = "an unfinished import";
/// What to do about an import that has not ended.
pub const FINISH_IMPORT: &str =
    "run the same `keyward storage import` again, with `--planned-move` if it had that";

impl Finding {
    pub(crate) fn unfinished_import() -> Self {
        Self { what: "an import into it has not ended".into(), fix: FINISH_IMPORT }
    }
}
