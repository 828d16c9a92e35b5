//! What the compiler does not check about the template files: escaping stays on, texts are data, colours have contrast.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;

use templates::Messages;

const STYLE: &str = include_str!("../templates/style.css");

/// Name and content of all files in a folder of this crate, its sub-folders included.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn html_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let pages: Vec<_> = files(&root).into_iter().filter(|(name, _)| name.ends_with(".html")).collect();
    assert!(pages.len() >= 8, "the pages have moved");
    pages
}

/// The parts of a template between `open` and `close`.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).map(move |part| part.split_once(close).expect("a closing mark").0)
}

/// The template without the text between `open` and `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(close).expect("a closing mark").1)
}

#[test]
fn no_filter_and_no_way_around_escaping() {
    for (name, text) in html_files() {
        let expressions = between(&text, "{{", "}}").chain(between(&text, "{%", "%}"));
        // No filter at all is the simplest rule that keeps `safe` out.
        for expression in expressions {
            assert!(!expression.replace("||", "").contains('|'), "{name}: {expression}");
            assert!(!expression.contains("filter") && !expression.contains("Safe"), "{name}: {expression}");
        }
    }
    for (name, text) in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for banned in ["escape =", "ext =", "Safe(", "HtmlSafe", "MarkupDisplay", "source ="] {
            assert!(!text.contains(banned), "{name}: {banned}");
        }
    }
}

#[test]
fn every_text_comes_from_messages() {
    for (name, text) in html_files() {
        let text = without(&without(&text, "{{", "}}"), "{%", "%}");
        let text = text.replace("document.forms[0].submit()", "");
        let visible = without(&text, "<", ">");
        assert!(!visible.contains(char::is_alphabetic), "{name}: {:?}", visible.trim());
    }
}

#[test]
fn scopes_of_openid_connect_have_a_text_and_others_do_not() {
    for scope in ["openid", "profile", "email", "address", "phone", "offline_access"] {
        assert!(Messages::ENGLISH.scope_text(scope).is_some(), "{scope}");
    }
    assert_eq!(Messages::ENGLISH.scope_text("OpenID"), None);
    assert_eq!(Messages::ENGLISH.scope_text(""), None);
}

/// A colour of one theme, each channel 0 to 1.
fn colour(theme: &str, name: &str) -> [f64; 3] {
    let declaration = format!("--{name}: #");
    let hex = theme.split_once(&declaration).expect("a colour of that name").1;
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0)
}

/// WCAG 2.2, contrast ratio of two colours: 1 to 21.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [red, green, blue] =
            colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn both_themes_meet_contrast_level_aa() {
    let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
    for (theme, colours) in [("light", light), ("dark", dark)] {
        // WCAG 2.2 §1.4.3 (text, 4.5) and §1.4.11 (edges of controls, focus, 3).
        for (front, back, least) in [
            ("text", "card", 4.5),
            ("text", "code", 4.5),
            ("text", "field", 4.5),
            ("muted", "card", 4.5),
            ("accent", "card", 4.5),
            ("good", "card", 4.5),
            ("on-accent", "accent", 4.5),
            ("on-accent", "accent-over", 4.5),
            ("alert-text", "alert", 4.5),
            ("alert-text", "card", 4.5),
            ("alert-text", "code", 4.5),
            ("edge", "card", 3.0),
            ("edge", "field", 3.0),
            ("alert-text", "field", 3.0),
        ] {
            let ratio = contrast(colour(colours, front), colour(colours, back));
            assert!(ratio >= least, "{theme}: {front} on {back} is {ratio:.2}, at least {least}");
        }
    }
}

#[test]
fn contrast_is_measured_right() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.01);
    assert!((contrast([0.5; 3], [0.5; 3]) - 1.0).abs() < 0.01);
}
