//! Groups: named sets of users, which applications get as a claim. A group is a record of its own, so that a mistyped
//! name is no group. The users' records say who is in it, so tokens need no further read.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::is_nfkc;

/// The most groups of one user: all of them may be in a token, which travels in headers.
pub const MOST_OF_A_USER: usize = 64;

/// The longest name, in characters.
pub const MAX_CHARACTERS: usize = 64;

/// A group as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name, which is its id.
    pub name: GroupName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is being deleted: nobody is added any more, and its name can't be used until nobody is in it.
    pub deleting: bool,
}

impl Group {
    /// Whether this is the group that was seen and not another one of its name, and is being deleted.
    pub fn is_deleted_as(&self, seen: &Self) -> bool {
        self.created_at == seen.created_at && self.deleting
    }
}

/// The name of a group. Names are compared byte by byte, as by the applications that get them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupName(Box<str>);

/// Why a text is not the name of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGroupName;

impl BadGroupName {
    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        "a group's name has 1 to 64 letters, digits and signs, with single spaces between words at most, and none of , ; \
         \" ' ` \\ < >, because programs write groups as lists"
    }
}

impl GroupName {
    /// Checks a typed name.
    pub fn parse(typed: &str) -> Result<Self, BadGroupName> {
        let legal = |c: char| {
            c.is_alphanumeric()
                || (c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"' | '\'' | '`' | '\\' | '<' | '>'))
        };
        let words = |name: &str| name.split(' ').all(|word| !word.is_empty() && word.chars().all(legal));
        let fine = typed.chars().count() <= MAX_CHARACTERS && words(typed) && is_nfkc(typed);
        if fine { Ok(Self(typed.into())) } else { Err(BadGroupName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From a stored name.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_that_no_list_splits() {
        let longest = "ü".repeat(MAX_CHARACTERS);
        for name in [
            "admins",
            "Domain Admins",
            "R&D (EMEA)",
            "org/team:write",
            "a.b_c-d@e+f=g",
            "Bücher",
            "管理者",
            &longest,
        ] {
            assert_eq!(GroupName::parse(name).map(|name| name.to_string()).as_deref(), Ok(name));
        }
        let long = "a".repeat(MAX_CHARACTERS + 1);
        for name in [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\nb",
            "a,b",
            "a;b",
            "a\"b",
            "it's",
            "`a`",
            "a\\b",
            "<a>",
            &long,
            "a\u{a0}b",
            "a\u{202e}b",
            "a\u{200b}b",
            "u\u{308}",
            "\u{ff41}",
            "a\0",
        ] {
            assert_eq!(GroupName::parse(name), Err(BadGroupName), "{name:?}");
        }
    }
}
