//! Request parameters as pairs (RFC 6749 §3.1, §3.2 and appendix B). The checks of every endpoint take these,
//! not HTTP types, so that pushed or signed requests can be added later.
//!
//! Strict on purpose: text that is not UTF-8, a broken escape or a NUL is an error and is not replaced, because two
//! parties could read such text differently.

use crate::refusal::Refusal;

/// The most parameters one request may have.
pub const MAX_PARAMETERS: usize = 100;
/// The longest single parameter value, in bytes after decoding.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Decoded `application/x-www-form-urlencoded` pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(Box<str>, Box<str>)>,
    repeated: Vec<Box<str>>,
    is_malformed: bool,
}

/// Why a text is not a list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedParams {
    /// A broken `%` escape, text that is not UTF-8, or a NUL.
    Encoding,
    /// More than [`MAX_PARAMETERS`].
    TooMany,
    /// A value over [`MAX_VALUE_BYTES`].
    TooLong,
    /// The same for `scope`, which has an error code of its own.
    ScopeTooLong,
}

impl MalformedParams {
    /// The refusal of such a request.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Encoding | Self::TooMany => Refusal::MalformedRequest,
            Self::TooLong => Refusal::RequestTooLong,
            Self::ScopeTooLong => Refusal::ScopeMalformed,
        }
    }
}

impl Params {
    /// Parses a query string or form body. A repeated name is recorded: see [`Params::repeated`].
    pub fn parse(text: &[u8]) -> Result<Self, MalformedParams> {
        let mut params = Self::default();
        for (count, piece) in pieces(text).enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(MalformedParams::TooMany);
            }
            let (name, value) = pair(piece)?;
            params.insert(name, value);
        }
        Ok(params)
    }

    /// The same for a request whose refusal must reach the client that sent it: without what is wrongly encoded, and then
    /// only the parameters with these names.
    pub fn parse_partly(text: &[u8], names: &[&str]) -> Result<Self, MalformedParams> {
        let parsed = Self::parse(text);
        if parsed != Err(MalformedParams::Encoding) {
            return parsed;
        }
        let mut params = Self { is_malformed: true, ..Self::default() };
        let sound = pieces(text).filter_map(|piece| pair(piece).ok());
        for (name, value) in sound.filter(|(name, _)| names.contains(&&**name)) {
            params.insert(name, value);
        }
        Ok(params)
    }

    /// Whether something was left out, for which the request has to be refused.
    pub const fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    /// From pairs that are already decoded.
    pub fn from_pairs<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut params = Self::default();
        for (name, value) in pairs {
            params.insert(name.into(), value.into());
        }
        params
    }

    fn insert(&mut self, name: Box<str>, value: Box<str>) {
        if self.pairs.iter().any(|(own, _)| *own == name) {
            self.repeated.push(name.clone());
        }
        self.pairs.push((name, value));
    }

    /// A parameter's value, the first if it was repeated. RFC 6749 §3.1: one sent without a value counts as
    /// omitted.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(own, _)| **own == *name).map(|(_, value)| &**value).filter(|v| !v.is_empty())
    }

    /// All values of a name, for check boxes.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(own, _)| **own == *name).map(|(_, value)| &**value)
    }

    /// Whether the name was sent more than once, which RFC 6749 §3.1 and §3.2 forbid.
    pub fn repeated(&self, name: &str) -> bool {
        self.repeated.iter().any(|own| **own == *name)
    }

    /// The names that were sent more than once.
    pub fn repeated_names(&self) -> impl Iterator<Item = &str> {
        self.repeated.iter().map(|name| &**name)
    }

    /// Whether any name was sent more than once.
    pub fn any_repeated(&self) -> bool {
        !self.repeated.is_empty()
    }

    /// The parameters with these names.
    pub fn only(&self, names: &[&str]) -> Self {
        let kept = self.pairs.iter().filter(|(name, _)| names.contains(&&**name)).cloned();
        Self::from_pairs(kept)
    }

    /// All pairs, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }
}

fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'&').filter(|piece| !piece.is_empty())
}

fn pair(piece: &[u8]) -> Result<(Box<str>, Box<str>), MalformedParams> {
    let mut halves = piece.splitn(2, |b| *b == b'=');
    let name = decode(halves.next().unwrap_or_default())?;
    let value = decode(halves.next().unwrap_or_default())?;
    if value.len() > MAX_VALUE_BYTES {
        // RFC 6749 §5.2: invalid_scope.
        return Err(if name == "scope" { MalformedParams::ScopeTooLong } else { MalformedParams::TooLong });
    }
    Ok((name.into(), value.into()))
}

/// Decodes one `application/x-www-form-urlencoded` name or value, refusing what is ambiguous.
pub fn decode(text: &[u8]) -> Result<String, MalformedParams> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split(|b| *b == b'%');
    let spaced = |piece: &[u8], bytes: &mut Vec<u8>| {
        bytes.extend(piece.iter().map(|b| if *b == b'+' { b' ' } else { *b }));
    };
    spaced(pieces.next().unwrap_or_default(), &mut bytes);
    for piece in pieces {
        let (digits, rest) = piece.split_first_chunk::<2>().ok_or(MalformedParams::Encoding)?;
        bytes.push(escaped(*digits).ok_or(MalformedParams::Encoding)?);
        spaced(rest, &mut bytes);
    }
    let decoded = String::from_utf8(bytes).map_err(|_| MalformedParams::Encoding)?;
    if decoded.contains('\0') { Err(MalformedParams::Encoding) } else { Ok(decoded) }
}

/// The byte of two hexadecimal digits.
fn escaped(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// A query or form of names, which need no escapes, and values.
pub fn encode_all(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Encodes one name or value so that [`decode`] returns it: all but unreserved characters are escaped.
pub fn encode(text: &str) -> impl std::fmt::Display + '_ {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, ESCAPED)
}
