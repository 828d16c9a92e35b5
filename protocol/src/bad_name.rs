//! Why a text cannot be a user name.

/// The longest name, in characters of its canonical form.
pub const MAX_CHARACTERS: usize = 128;

/// Why a text cannot be a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// Empty, or over [`MAX_CHARACTERS`].
    Length,
    /// Characters that RFC 8264's IdentifierClass refuses: spaces, controls, mixed writing directions.
    Characters,
    /// `@`: the name would look like an e-mail address, which identifies a user only once it is verified.
    AtSign,
    /// A reserved name, or one that looks like it.
    Reserved,
    /// Letters of scripts that aren't mixed in everyday use.
    MixedScripts,
    /// Characters that aren't in everyday use, or too many marks on a letter.
    Unusual,
}

impl BadName {
    /// What is wrong, and what a user name has to be.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Length => "a user name has 1 to 128 characters",
            Self::Characters => "a user name has letters, digits and punctuation only, without spaces",
            Self::AtSign => "a user name has no `@`; give the address as e-mail instead",
            Self::Reserved => "this user name is reserved, or looks like one that is; choose another",
            Self::MixedScripts => {
                "a user name has letters of one alphabet; only Chinese, Japanese and Korean go with Latin letters"
            }
            Self::Unusual => "a user name has letters in everyday use, with their usual marks",
        }
    }
}
