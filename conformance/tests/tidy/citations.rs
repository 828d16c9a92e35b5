//! Nothing cites a document that a reader of the repository doesn't have: notes kept elsewhere, their rules and
//! figures (`D` or `F` and a number), their names for kinds of answers. What such a note says is written out, or is
//! a decision record. Case numbers (`N-001`) are explained by `TRACE.md`.

use super::{assert_none, files, root};
use std::fs;

/// Phrases that only such citations contain, compared without regard to case.
const PHRASES: [&str; 7] = [
    concat!("design", " §"),
    concat!("design", ".md"),
    concat!("../", "shared"),
    concat!("T-", "ERR"),
    concat!("HTML-", "SEC"),
    concat!("ERR-", "PAGE"),
    concat!("ERR-", "REDIR"),
];

/// A word like `D` or `F`, a hyphen and a number.
fn is_numbered(word: &str) -> bool {
    word.split_once('-').is_some_and(|(letter, number)| {
        matches!(letter, "D" | "F" | "S") && !number.is_empty() && is_digits(number)
    })
}

/// A test named after one: `d`, `f` and its number, then what it shows.
fn names_one(function: &str) -> bool {
    let name = function.strip_prefix(['d', 'f']).and_then(|rest| rest.split_once('_'));
    name.is_some_and(|(number, _)| number.len() >= 2 && is_digits(number))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn cites_elsewhere(line: &str) -> bool {
    let folded = line.to_lowercase();
    let mut words = line.split(|next: char| !next.is_alphanumeric() && next != '-' && next != '_');
    PHRASES.iter().any(|phrase| folded.contains(&phrase.to_lowercase()))
        || words.any(is_numbered)
        || line.split("fn ").skip(1).any(names_one)
}

#[test]
fn no_document_is_cited_that_a_reader_does_not_have() {
    let endings = ["rs", "md", "toml", "html", "css", "sql", "json"];
    let mut found = Vec::new();
    for path in endings.into_iter().flat_map(|ending| files(".", ending)) {
        let text = fs::read_to_string(&path).unwrap();
        let cited = text.lines().enumerate().filter(|(_, line)| cites_elsewhere(line));
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        found.extend(cited.map(|(at, line)| format!("{shown}:{} {line}", at + 1)));
    }
    assert_none("say what it says, or cite a decision record", found);
}

#[test]
fn citations_are_recognised_and_look_alikes_are_not() {
    for cited in [
        concat!("as Design", " §6 says"),
        concat!("see ", "../", "shared/notes"),
        concat!("the cookie is bound (D", "-15)"),
        concat!("F", "-09: rotations"),
        concat!("fn f", "09_rotations() {"),
        concat!("answers T-", "ERR(400)"),
    ] {
        assert!(cites_elsewhere(cited), "{cited}");
    }
    for own in ["UTF-8", "N-250 fe.half", "RFC 6749 §4.1", "the design", "ID-1", "F-"] {
        assert!(!cites_elsewhere(own), "{own}");
    }
}
