//! Paths that documents for developers name: what they send a reader to is there.

use super::{assert_none, root};
use std::fs;

/// Documents that name many files.
const DOCUMENTS: [&str; 3] = ["CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/concepts/glossary.md"];
/// What a path from the repository's root begins with.
const ROOTS: [&str; 11] = [
    ".ci/",
    "bench/",
    "conformance/",
    "docs/",
    "fuzz/",
    "keys/",
    "migrations/",
    "protocol/",
    "server/",
    "storage/",
    "templates/",
];

#[test]
fn paths_in_documents_exist() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for path in text.split('`').skip(1).step_by(2) {
            let is_path = ROOTS.iter().any(|root| path.starts_with(root)) && !path.contains(' ');
            // A name to choose, as in `storage/src/NAME`.
            let is_pattern = path.split(['/', '.', '_']).any(|part| matches!(part, "NAME" | "NNNN"));
            if is_path && !is_pattern && !root().join(path).exists() {
                missing.push(format!("{document}: {path}"));
            }
        }
    }
    assert_none("paths that don't exist", missing);
}
