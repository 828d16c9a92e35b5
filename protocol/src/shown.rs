//! What the log may show of a text that a caller chose. Each kind of value is shown only in its own shape, as printable
//! ASCII of limited length without spaces that are not quoted; [`HIDDEN`] is in place of everything else. So a secret in
//! the wrong place is not written: neither one of ours, by its prefix, nor another, by its shape.

use crate::armor;
use crate::base64url;
use crate::id::ClientId;
use percent_encoding::{percent_decode, percent_decode_str};
use std::fmt::Write as _;

/// In place of what is not shown.
pub const HIDDEN: &str = "***";
/// The longest value that is shown, in bytes; of a longer one only the beginning is shown.
pub const MOST: usize = 256;

/// The shortest verifier (RFC 7636 §4.1), and the length of 256 random bits in base64url.
const RANDOM: usize = 43;
/// The longest name that is shown.
const LONGEST_NAME: usize = 64;
/// How many names of one value are shown, so that checking them costs little.
const MOST_NAMES: usize = 16;
/// How a JWT begins.
const JWT: &str = "eyJ";

/// Printable ASCII, all other bytes and `"` percent-encoded; quoted if it has spaces; secrets of ours and JWTs masked; and
/// three dots in place of what is beyond [`MOST`] bytes.
pub fn plain(text: &str) -> String {
    quoted(&masked(text))
}

fn quoted(line: &str) -> String {
    if line.contains(' ') { format!("\"{line}\"") } else { line.to_owned() }
}

fn masked(text: &str) -> String {
    let mut line = String::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if line.len() >= MOST {
            line.push_str("...");
            break;
        }
        if let Some(prefix) = secret_prefix(rest) {
            let _infallible = write!(line, "{prefix}{HIDDEN}");
            let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~%".contains(b);
            rest = rest.get(rest.iter().take_while(|b| is_part(b)).count()..).unwrap_or_default();
            continue;
        }
        if (byte.is_ascii_graphic() && *byte != b'"') || *byte == b' ' {
            line.push(char::from(*byte));
        } else {
            let _infallible = write!(line, "%{byte:02X}");
        }
        rest = after;
    }
    line
}

/// Words, such as a scope: all but those that could be secrets.
pub fn words(text: &str) -> String {
    let expected = text.split(' ').map(|word| if is_random(word) { HIDDEN } else { word });
    let line = masked(&expected.collect::<Vec<_>>().join(" "));
    let expected = line.split(' ').map(|word| if is_wrapped(word) { HIDDEN } else { word });
    quoted(&expected.collect::<Vec<_>>().join(" "))
}

/// The id of a client that was not found.
pub fn id(text: &str) -> String {
    if is_id(text) { text.to_owned() } else { HIDDEN.to_owned() }
}

/// Whether this looks like a client's id, a word or a URI without a query, and not like a secret. Clients may have other
/// ids, too, but nobody has them by accident.
pub fn is_id(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/".contains(&b);
    let has_shape = ClientId::parse(text).is_some() && text.bytes().all(is_part);
    has_shape && !is_random(text) && !is_secret(text)
}

/// Names that protocols define, such as a grant type or a `response_type`.
pub fn names(text: &str) -> String {
    let names = text.split(' ').take(MOST_NAMES + 1).map(name).collect::<Vec<_>>();
    if names.len() > MOST_NAMES { HIDDEN.to_owned() } else { plain(&names.join(" ")) }
}

/// A name of which the case is free, such as `S256`.
pub fn method(text: &str) -> String {
    if name(&text.to_ascii_lowercase()) == HIDDEN { HIDDEN.to_owned() } else { text.to_owned() }
}

/// One such name.
pub fn name(text: &str) -> &str {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:.-".contains(&b);
    let has_shape = text.len() <= LONGEST_NAME && text.bytes().all(is_part);
    let is_random = || text.split(':').any(|part| part.len() >= RANDOM);
    if has_shape && !is_random() && !is_secret(text) { text } else { HIDDEN }
}

/// A number, however wrong.
pub fn number(text: &str) -> String {
    let is_part = |b: u8| b.is_ascii_digit() || b"+-.".contains(&b);
    if text.len() <= 20 && text.bytes().all(is_part) { text.to_owned() } else { HIDDEN.to_owned() }
}

/// A media type without its parameters.
pub fn media_type(text: &str) -> String {
    let kind = text.split(';').next().unwrap_or_default().trim();
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&b);
    let has_shape = kind.len() <= 2 * LONGEST_NAME && kind.bytes().all(is_part);
    if has_shape && !is_random(kind) && !is_secret(kind) { kind.to_owned() } else { HIDDEN.to_owned() }
}

/// A host and port.
pub fn host(text: &str) -> String {
    words(&without_userinfo(text))
}

/// A URI: scheme, host, port, path and the names in its query, without user information, the values in its query, and its
/// fragment.
pub fn uri(text: &str) -> String {
    // The encoded ones are of a URI that was encoded once too often.
    let (lower, ends) = (text.to_ascii_lowercase(), ["?", "#", "%3f", "%23", "%25"]);
    let end = ends.iter().filter_map(|end| lower.find(end)).min().unwrap_or(text.len());
    let (before, rest) = text.split_at(end);
    let shown = plain(&(without_userinfo(before) + &without_values(rest)));
    if is_wrapped(&shown) { HIDDEN.to_owned() } else { shown }
}

/// What comes before a query or fragment.
fn without_userinfo(text: &str) -> String {
    let is_scheme = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let scheme = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme));
    let (start, end) = match scheme {
        Some((scheme, rest)) => {
            let host = rest.trim_start_matches(['/', '\\']);
            let start = text.len() - host.len();
            (start.max(scheme.len()), start + host.find(['/', '\\']).unwrap_or(host.len()))
        }
        // Not known where the authority ends.
        None => (0, text.len()),
    };
    let authority = text.get(start..end).unwrap_or_default().to_ascii_lowercase();
    let ends = ["@", "%40"].iter().filter_map(|at| Some(authority.rfind(at)? + at.len()));
    match ends.max() {
        Some(host) => {
            let (before, after) = (text.get(..start), text.get(start + host..));
            format!("{}{HIDDEN}@{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        None => text.to_owned(),
    }
}

/// Query and fragment, from their delimiter, which may be percent-encoded.
fn without_values(rest: &str) -> String {
    let Some(query) = rest.strip_prefix('?') else {
        let delimiter = rest.get(..if rest.starts_with('%') { 3 } else { 1 });
        return delimiter.map(|delimiter| format!("{delimiter}{HIDDEN}")).unwrap_or_default();
    };
    let (query, fragment) = query.split_once('#').map_or((query, None), |(query, it)| (query, Some(it)));
    let pair = |piece: &str| match piece.split_once('=') {
        Some((own, "")) => format!("{}=", name(own)),
        Some((own, _)) => format!("{}={HIDDEN}", name(own)),
        None => name(piece).to_owned(),
    };
    let pairs = query.splitn(MOST_NAMES, '&').map(pair).collect::<Vec<_>>().join("&");
    format!("?{pairs}{}", fragment.map(|_| format!("#{HIDDEN}")).unwrap_or_default())
}

/// Whether it has the shape of a verifier or of another random value.
fn is_random(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(|c| !is_part(c)).any(|run| run.len() >= RANDOM)
}

/// Whether a secret of ours or a JWT is in it, encoded or not.
fn is_secret(text: &str) -> bool {
    has_prefix(text.as_bytes()) || is_wrapped(text)
}

/// Whether a secret of ours or a JWT is in it, percent-encoded up to twice or in base64, as in `Authorization: Basic`.
fn is_wrapped(text: &str) -> bool {
    let once = percent_decode_str(text).decode_utf8_lossy();
    let twice = percent_decode_str(&once).decode_utf8_lossy();
    let decoded = [&once, &twice].into_iter().any(|form| **form != *text && has_prefix(form.as_bytes()));
    decoded || [text, &once, &twice].into_iter().any(has_prefix_in_base64)
}

fn has_prefix_in_base64(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut runs = text.split(|c| !is_digit(c)).map(|run| run.replace('+', "-").replace('/', "_"));
    // Something may stand before it.
    let shifted = |run: &str, skip: usize| {
        let digits = run.get(skip..).unwrap_or_default();
        let whole = digits.get(..digits.len() / 4 * 4).unwrap_or_default();
        let decoded = base64url::decode(whole).unwrap_or_default();
        has_prefix(&decoded) || has_prefix(&percent_decode(&decoded).collect::<Vec<_>>())
    };
    runs.any(|run| (0..4).any(|skip| shifted(&run, skip)))
}

fn has_prefix(text: &[u8]) -> bool {
    (0..text.len()).any(|at| text.get(at..).and_then(secret_prefix).is_some())
}

/// How a secret of ours, in any case, or a JWT begins.
fn secret_prefix(text: &[u8]) -> Option<&'static str> {
    let begins = |prefix: &&str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let ours = [armor::CODE, armor::REFRESH_TOKEN, armor::CLIENT_SECRET].into_iter().find(begins);
    ours.or_else(|| text.starts_with(JWT.as_bytes()).then_some(JWT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_send_is_one_short_line_of_plain_text() {
        for (text, line) in [
            ("https://rp.example/cb?x=1", "https://rp.example/cb?x=1"),
            ("openid email", "\"openid email\""),
            ("x registered=evil", "\"x registered=evil\""),
            ("x\" registered=\"evil", "\"x%22 registered=%22evil\""),
            ("a\nINFO forged", "\"a%0AINFO forged\""),
            ("\r\n\t\0\u{7f}", "%0D%0A%09%00%7F"),
            ("\u{1b}[31mred", "%1B[31mred"),
            ("\u{9b}31m", "%C2%9B31m"),
            ("\u{202e}gpj", "%E2%80%AEgpj"),
            ("", ""),
        ] {
            assert_eq!(plain(text), line);
        }
        for long in ["x", "\n", "é", "a b", "https://rp.example/"].map(|one| one.repeat(100_000 / one.len()))
        {
            let line = plain(&long);
            assert!(line.len() < MOST + 32 && line.trim_end_matches('"').ends_with("..."), "{line}");
        }
    }

    #[test]
    fn secrets_in_the_wrong_place_are_masked() {
        let secret = armor::wrap(armor::CLIENT_SECRET, &[7; 32]);
        let code = armor::wrap(armor::CODE, &[7; 80]);
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
        assert_eq!(plain(&secret), "kws_***");
        assert_eq!(plain(&secret.to_uppercase()), "kws_***");
        assert_eq!(plain(&format!("{}%2Fcb", &secret[..20])), "kws_***");
        assert_eq!(plain(&format!("https://rp.example/{code}/x")), "https://rp.example/kwc_***/x");
        assert_eq!(plain(&format!("openid {jwt} {secret}")), "\"openid eyJ*** kws_***\"");
        let before = "x".repeat(MOST - 1);
        assert_eq!(
            plain(&format!("{before}{secret}")),
            format!("{before}kws_***"),
            "also where the line ends"
        );
    }
}
