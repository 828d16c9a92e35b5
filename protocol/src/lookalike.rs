//! Which names people take for one another (UTS #39), so that nobody signs up as somebody else to the eye.
//!
//! Absent on purpose: anything about signing in. A name that was taken before these rules, or by an operator who
//! insisted, works as every other.

use crate::bad_name::BadName;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::RestrictionLevel;
use unicode_security::restriction_level::RestrictionLevelDetection as _;

/// Names nobody may take: they look like the operator speaking.
const RESERVED: [&str; 8] =
    ["admin", "administrator", "root", "system", "support", "keyward", "security", "postmaster"];

/// The most marks that one letter carries (UTS #39 §5.4).
const MAX_MARKS: usize = 4;

/// Refuses a name that somebody wants to have if it can be taken for another by what it is made of. `shown` is the
/// name as people see it, in the case that was typed.
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

/// UTS #39 §5.2, Highly Restrictive: characters in everyday use, of one script, or of Latin beside those of Japanese,
/// Chinese or Korean. ASCII punctuation goes with every script.
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

/// UTS #39 §5.4: a mark that is there twice can't be told from one, and a pile hides what is beside it.
fn check_marks(name: &str) -> Result<(), BadName> {
    let (mut before, mut pile) = (None, 0);
    for c in name.nfd() {
        pile = if is_combining_mark(c) { pile + 1 } else { 0 };
        if pile > MAX_MARKS || (pile > 0 && before == Some(c)) {
            return Err(BadName::Unusual);
        }
        before = Some(c);
    }
    Ok(())
}

/// What a name looks like (UTS #39 §4). `shown` is the name as people see it, in the case that was typed: `AIice` with
/// a capital i is canonically `aiice`, but looks like `Alice`. Case makes no difference, so `i` counts as `l`, which its
/// capital looks like.
pub(crate) fn skeleton(shown: &str) -> String {
    let compatible: String = shown.nfkc().collect();
    // Before and after the case is folded: some look alike as capitals only (`I` and `l`), some as small letters only
    // (`m` and `rn`).
    let folded = unicode_security::skeleton(&compatible).collect::<String>().to_lowercase();
    let mut skeleton = String::with_capacity(folded.len());
    for c in unicode_security::skeleton(&folded) {
        match c {
            'i' => skeleton.push('l'),
            // UTS #39 §5.4: nobody sees the dot on a dot.
            '\u{307}' if skeleton.ends_with(['l', 'j']) => {}
            other => skeleton.push(other),
        }
    }
    skeleton
}

/// The letters of a skeleton: digits as the letters they are put for, without punctuation and marks.
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
