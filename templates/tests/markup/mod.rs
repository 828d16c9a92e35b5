//! Just enough of an HTML reader to see a page as a browser does: tags, quoted attributes, text.
//!
//! It is stricter than a browser: what our templates never write (unquoted values, stray `<`) panics.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, Option<String>)>,
    /// The text up to the next tag, entities decoded.
    pub(crate) text: String,
}

impl Tag {
    /// The decoded value; an attribute without value is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_deref().unwrap_or(""))
    }
}

/// All tags in order, closing ones as `/name`.
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut rest = html.trim_start().strip_prefix("<!doctype html>").expect("a doctype");
    let mut tags: Vec<Tag> = Vec::new();
    while let Some(start) = rest.find('<') {
        let (tag, after) = read_tag(&rest[start + 1..]);
        let end = match tag.name.as_str() {
            // Raw text: only the closing tag ends it, and nothing is decoded.
            raw @ ("style" | "script") => after.find(&format!("</{raw}")).expect("a closing tag"),
            _ => after.find('<').expect("a page ends with a closing tag or goes on"),
        };
        let text = &after[..end];
        tags.push(Tag {
            text: if matches!(tag.name.as_str(), "style" | "script") {
                text.to_owned()
            } else {
                decode(text)
            },
            ..tag
        });
        rest = &after[end..];
        if rest.trim() == "</html>" {
            break;
        }
    }
    tags
}

fn read_tag(input: &str) -> (Tag, &str) {
    let name_end = input.find(|c: char| !(c.is_ascii_alphanumeric() || c == '/')).expect("a tag ends");
    let (name, mut rest) = input.split_at(name_end);
    assert!(!name.is_empty(), "a stray < before {:?}", input.chars().take(40).collect::<String>());
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name: name.to_owned(), attributes, text: String::new() }, after);
        }
        let key_end = rest.find(['=', '>', ' ', '\n']).expect("an attribute ends");
        let key = &rest[..key_end];
        assert!(
            key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "{key:?} is no attribute name, in <{name}>"
        );
        rest = &rest[key_end..];
        let value = rest.strip_prefix("=\"").map(|quoted| {
            let end = quoted.find('"').expect("a closing quote");
            rest = &quoted[end + 1..];
            decode(&quoted[..end])
        });
        assert!(!rest.starts_with('='), "{key} of <{name}> is not quoted");
        attributes.push((key.to_owned(), value));
    }
}

/// Decodes character references; one that is malformed panics.
fn decode(text: &str) -> String {
    let mut parts = text.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, rest) = part.split_once(';').expect("a bare ampersand");
        decoded.push(match reference {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            number => {
                let code: u32 = number.strip_prefix('#').expect("a character reference").parse().unwrap();
                char::from_u32(code).unwrap()
            }
        });
        decoded.push_str(rest);
    }
    decoded
}
