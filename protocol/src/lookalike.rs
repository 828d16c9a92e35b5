//! Which names look alike (UTS #39), so that nobody signs up under a name that users mistake for another user's.
//!
//! Absent on purpose: any check at sign-in. A name from before these rules, or one that an operator set in
//! spite of them, works like any other.

use crate::bad_name::BadName;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::RestrictionLevel;
use unicode_security::restriction_level::RestrictionLevelDetection as _;

/// Names that nobody may sign up with: they look like the operator's.
const RESERVED: [&str; 8] =
    ["admin", "administrator", "root", "system", "support", "keyward", "security", "postmaster"];

/// The most combining marks that one letter may carry (UTS #39 §5.4).
const MAX_MARKS: usize = 4;

/// Refuses a new name if its scripts or marks are deceptive, or if it looks like a reserved name. `shown` is the name
/// as users see it, in the case that was typed.
pub(crate) fn check(shown: &str, name: &str) -> Result<(), BadName> {
    check_script(name)?;
    check_marks(name)?;
    // Cyrillic `ЅУЅТЕМ` looks like a reserved name only in capitals, other names only in small letters.
    let looks_like = [shown, name].map(|name| letters(&skeleton(name)));
    match RESERVED.iter().any(|reserved| looks_like.contains(&letters(&skeleton(reserved)))) {
        true => Err(BadName::Reserved),
        false => Ok(()),
    }
}

/// UTS #39 §5.2, Highly Restrictive: characters in everyday use, of one script, or of Latin mixed with those of
/// Japanese, Chinese or Korean. ASCII punctuation is allowed with every script.
fn check_script(name: &str) -> Result<(), BadName> {
    let telling: String = name.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    match telling.detect_restriction_level() {
        RestrictionLevel::ASCIIOnly
        | RestrictionLevel::SingleScript
        | RestrictionLevel::HighlyRestrictive => Ok(()),
        RestrictionLevel::ModeratelyRestrictive | RestrictionLevel::MinimallyRestrictive => {
            Err(BadName::MixedScripts)
        }
        RestrictionLevel::Unrestricted => Err(BadName::Unusual),
    }
}

/// UTS #39 §5.4: a mark that is repeated looks like one, and a stack of marks hides its neighbours.
fn check_marks(name: &str) -> Result<(), BadName> {
    let (mut before, mut stacked) = (None, 0);
    for c in name.nfd() {
        stacked = if is_combining_mark(c) { stacked + 1 } else { 0 };
        if stacked > MAX_MARKS || (stacked > 0 && before == Some(c)) {
            return Err(BadName::Unusual);
        }
        before = Some(c);
    }
    Ok(())
}

/// What a name looks like (UTS #39 §4). `shown` is the name as users see it, in the case that was typed: `AIice` with
/// a capital i is canonically `aiice`, but looks like `Alice`. Case makes no difference, so `i` counts as `l`, because
/// a capital `I` looks like `l`.
pub(crate) fn skeleton(shown: &str) -> String {
    let compatible: String = shown.nfkc().collect();
    // Before and after case folding: some letters look alike only before it (`I` and `l`), some only in lower case (`m`
    // and `rn`).
    let folded = unicode_security::skeleton(&compatible).collect::<String>().to_lowercase();
    let mut skeleton = String::with_capacity(folded.len());
    for c in unicode_security::skeleton(&folded) {
        match c {
            'i' => skeleton.push('l'),
            // UTS #39 §5.4: a dot above a letter that has a dot is invisible.
            '\u{307}' if skeleton.ends_with(['l', 'j']) => {}
            other => skeleton.push(other),
        }
    }
    skeleton
}

/// The letters of a skeleton: digits replaced by the letters they imitate, punctuation and marks removed.
fn letters(skeleton: &str) -> String {
    let letter = |c| match c {
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    skeleton.chars().filter(|c| c.is_alphanumeric()).map(letter).collect()
}
