//! Header values with parameters (RFC 9110 §5.6.6), such as `text/html; charset="utf-8"`: read, not compared as text.
//!
//! Written here because the crate `mime`, which other crates bring, refuses whitespace before a semicolon and an empty
//! parameter, both of which RFC 9110 §5.6.6 allows.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use protocol::field::is_of_token;
use std::borrow::Cow;

/// A value and its parameters. All names, and the value, are case-insensitive.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameterized<'a> {
    value: &'a str,
    parameters: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Parameterized<'a> {
    /// Reads a value; `None` if a parameter is malformed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut pieces = split(text, ';');
        let value = pieces.next()?;
        let parameters = pieces.filter(|piece| !piece.is_empty()).map(parameter).collect::<Option<_>>()?;
        Some(Self { value, parameters })
    }

    /// The media type of a request's body; `None` without one, with several, or with one that is malformed.
    pub fn content_type(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(CONTENT_TYPE).iter();
        let (one, None) = (all.next()?, all.next()) else { return None };
        one.to_str().ok().and_then(Self::parse)
    }

    /// Whether the value is `name`.
    pub fn is(&self, name: &str) -> bool {
        self.value.eq_ignore_ascii_case(name)
    }

    /// The values of a parameter.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    }
}

/// Whether a request names a media type as acceptable (RFC 9110 §12.5.1); a range such as `*/*` doesn't name it.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut ranges = lines.flat_map(|line| split(line, ',')).filter_map(Parameterized::parse);
    // §12.4.2: a weight of 0 is "not acceptable".
    let is_wanted = |range: &Parameterized<'_>| range.all("q").all(|q| q.parse().is_ok_and(|q: f32| q > 0.0));
    ranges.any(|range| range.is(media_type) && is_wanted(&range))
}

/// The pieces between separators that stand outside quoted strings, without the whitespace around them.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let separates = move |c: char| {
        let separates = c == separator && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && is_quoted && !is_escaped;
        separates
    };
    text.split(separates).map(|piece| piece.trim_matches([' ', '\t']))
}

/// §5.6.6: a name, and a token or quoted string.
fn parameter(text: &str) -> Option<(&str, Cow<'_, str>)> {
    let (name, value) = text.split_once('=')?;
    let value = match value.strip_prefix('"') {
        Some(rest) => unquoted(rest)?,
        None if is_token(value) => Cow::Borrowed(value),
        None => return None,
    };
    is_token(name).then_some((name, value))
}

/// §5.6.4: what is in a quoted string, of which the first quote was taken.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '\\' => value.push(characters.next()?),
            '"' => break,
            c => value.push(c),
        }
    }
    characters.as_str().is_empty().then_some(Cow::Owned(value))
}

/// §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_of_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn parameters_are_read_as_rfc_9110_says() {
        for text in [
            "text/html;charset=utf-8",
            "Text/HTML;Charset=\"utf-8\"",
            "text/html; charset=\"utf-8\"",
            "text/html \t;\t charset=\"u\\tf-8\" ;",
            "text/html;;charset=utf-8;x=\"a;b=c, \\\"d\"",
        ] {
            let read = Parameterized::parse(text).unwrap();
            assert!(read.is("text/html") && !read.is("text/htm"), "{text}");
            assert_eq!(read.all("CHARSET").collect::<Vec<_>>(), ["utf-8"], "{text}");
        }
        let quoted = Parameterized::parse("a/b;x=\"a;b=c, \\\"d\\\\\"").unwrap();
        assert_eq!(quoted.all("x").collect::<Vec<_>>(), ["a;b=c, \"d\\"]);
        for malformed in [
            "a/b;charset",
            "a/b;=x",
            "a/b;x=",
            "a/b;x=\"",
            "a/b;x=\"y\\\"",
            "a/b;x=\"y\"z",
            "a/b;x=y z",
            "a/b;x y=z",
            "a/b;x = y",
            "a/b;x=é",
        ] {
            assert_eq!(Parameterized::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_body_has_one_media_type() {
        let mut headers = HeaderMap::new();
        assert_eq!(Parameterized::content_type(&headers), None);
        headers.append(CONTENT_TYPE, HeaderValue::from_static("a/b"));
        assert!(Parameterized::content_type(&headers).is_some());
        headers.append(CONTENT_TYPE, HeaderValue::from_static("a/b"));
        assert_eq!(Parameterized::content_type(&headers), None);
    }

    #[test]
    fn a_page_is_for_whoever_names_its_media_type() {
        let accepts = |line: &'static str| {
            accepts(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(line))]), "text/html")
        };
        for line in [
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json, Text/HTML ; q=0.1",
            "application/json;x=\"a,b\",text/html;level=1",
            ",, text/html",
        ] {
            assert!(accepts(line), "{line}");
        }
        for line in [
            "",
            "*/*",
            "application/json",
            "text/html;q=0",
            "text/html;q=0.000",
            "text/html;q=-1",
            "text/html;q=x",
            "application/json;x=\"text/html\"",
            "application/json;x=\", text/html\"",
            "text/html5",
            "x-text/html",
        ] {
            assert!(!accepts(line), "{line}");
        }
    }
}
