//! What the compiler can't check: sizes, purity, citations, links, and pages that follow from code.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod citations;
mod imports;
mod paths;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files with an ending below a folder of the repository; with the ending "" all files.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let skipped = path
                .file_name()
                .is_some_and(|name| name == "target" || name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.is_file()
                && (ending.is_empty() || path.extension().is_some_and(|own| own == ending))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing below {folder}");
    found
}

fn product_sources() -> Vec<(PathBuf, String)> {
    let folders = [
        "protocol/src",
        "guard/src",
        "guard/authorizer/src",
        "storage/src",
        "keys/src",
        "templates/src",
        "server/src",
    ];
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    let is_test = |path: &PathBuf| {
        path.components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "contract")))
    };
    paths
        .filter(|path| !is_test(path))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn no_file_is_longer_than_400_lines_without_its_tests() {
    let own = |text: &str| text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
    let long = product_sources()
        .into_iter()
        .map(|(path, text)| (own(&text), path))
        .filter(|(lines, _)| *lines > 400);
    assert_none("too long", long.map(|(lines, path)| format!("{lines} {}", path.display())).collect());
}

#[test]
fn protocol_can_do_nothing_but_decide() {
    let manifest = fs::read_to_string(root().join("protocol/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split('[').next().unwrap();
    let mut names: Vec<&str> = dependencies
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "base64",
            "percent-encoding",
            "precis-profiles",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "unicode-normalization",
            "unicode-security",
            "zeroize"
        ]
    );
}

#[test]
fn standards_are_cited_in_one_form() {
    let mut wrong = Vec::new();
    for (path, text) in product_sources() {
        for (at, line) in text.lines().enumerate() {
            for (start, _) in line.match_indices("RFC") {
                let rest = &line[start + 3..];
                // `RFC 6749 §4.1.3`, or a name like `RFC 6265bis`.
                let spaced =
                    rest.strip_prefix(' ').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                if !spaced && !rest.starts_with('s') {
                    wrong.push(format!("{}:{} {line}", path.display(), at + 1));
                }
            }
            if line.contains("Section ") && line.contains("RFC") {
                wrong.push(format!("{}:{} write §", path.display(), at + 1));
            }
        }
    }
    assert_none("not cited like `RFC 6749 §4.1.3`", wrong);
}

#[test]
fn shared_state_is_in_known_places_only() {
    // Caches keyed by their full input, pools, counters, one gate, warnings given, and the reader of a connection: nothing of a
    // request.
    const KNOWN: [&str; 25] = [
        "guard/src/https.rs",
        "guard/src/introspection.rs",
        "guard/src/keys.rs",
        "guard/src/redis.rs",
        "server/src/admission/limiter.rs",
        "server/src/app.rs",
        "server/src/cli/function.rs",
        "server/src/in_flight.rs",
        "keys/src/process.rs",
        "keys/src/kms/opener.rs",
        "keys/src/kms/signer.rs",
        "keys/src/local.rs",
        "keys/src/master_file.rs",
        "keys/src/unused.rs",
        "keys/src/retry.rs",
        "keys/src/unwrapping.rs",
        "keys/src/ceiling.rs",
        "keys/src/kms/calls.rs",
        "keys/src/verified.rs",
        "server/src/password.rs",
        "server/src/single_flight.rs",
        "server/src/telemetry/failure_log.rs",
        "server/src/budget.rs",
        "server/src/transport/slots.rs",
        "server/src/transport/wire.rs",
    ];
    let words = [
        "Mutex<",
        "RwLock<",
        "OnceLock<",
        "OnceCell<",
        "LazyLock<",
        "thread_local!",
        "static mut",
        "RefCell<",
    ];
    let shared = product_sources().into_iter().filter(|(path, text)| {
        ["server", "keys", "guard"].iter().any(|folder| path.starts_with(root().join(folder)))
            && words.iter().any(|word| text.contains(word))
            && !KNOWN.iter().any(|known| path.ends_with(known))
    });
    assert_none("shared state", shared.map(|(path, _)| path.display().to_string()).collect());
}

#[test]
fn n201_no_key_and_no_default_password_is_in_the_tree() {
    let mut found = Vec::new();
    for ending in ["rs", "md", "toml", "html"] {
        for path in files(".", ending) {
            let text = fs::read_to_string(&path).unwrap();
            if text.contains(concat!("-----BEGIN ", "PRIVATE KEY")) || text.contains(concat!("kws_", "LNXs"))
            {
                found.push(path.display().to_string());
            }
        }
    }
    assert_none("secrets", found);
}

/// Work that grows faster than the text comes from an engine that backtracks, and there is none.
#[test]
fn n212_no_validator_backtracks() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for engine in ["fancy-regex", "pcre", "pcre2", "onig", "regress", "hyperscan"] {
        assert!(!lock.contains(&format!("name = \"{engine}\"")), "{engine}");
    }
    for package in ["protocol", "guard", "guard/authorizer", "storage", "keys", "templates", "server"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        let regex = manifest.lines().any(|line| line.starts_with("regex"));
        assert!(!regex, "{package} has no expressions: each validator is one pass over its text");
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(".", "md") {
        let text = fs::read_to_string(&path).unwrap();
        for piece in text.split("](").skip(1) {
            let target = piece.split([')', '#']).next().unwrap();
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside && !path.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert_none("broken links", broken);
}

#[test]
fn each_variable_that_a_document_or_a_deployment_names_is_a_setting() {
    let reference = fs::read_to_string(root().join("docs/reference/settings.md")).unwrap();
    let mut unknown = Vec::new();
    let files = files("deploy", "").into_iter().chain(files("docs", "")).chain([root().join("README.md")]);
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for piece in text.split("KEYWARD_").skip(1) {
            let name = piece.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap();
            // `KEYWARD_` alone is the prefix; KEYWARD_ZIP is of a test.
            let known = name.is_empty() || name == "ZIP" || reference.contains(&format!("`KEYWARD_{name}`"));
            if !known {
                unknown.push(format!("{}: KEYWARD_{name}", path.display()));
            }
        }
    }
    assert_none("unknown settings", unknown);
}

#[test]
fn pages_that_follow_from_code_follow_it() {
    for (path, wanted) in [
        ("docs/reference/settings.md", server::config::page::markdown()),
        ("docs/reference/cli.md", server::cli::page::markdown()),
        ("docs/reference/events.md", server::telemetry::page()),
        ("docs/reference/metrics.md", server::metrics::markdown()),
        ("docs/reference/endpoints.md", server::reference::endpoints::markdown()),
        ("docs/reference/errors.md", server::reference::errors::markdown()),
    ] {
        let there = fs::read_to_string(root().join(path)).unwrap_or_default();
        if there != wanted {
            panic!(
                "{path} is not what the code says: run `cargo run -q -p server --example reference_pages`"
            );
        }
    }
}
