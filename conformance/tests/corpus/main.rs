//! The targets of `fuzz/` without a fuzzer: the committed corpus of each, and thousands of mutations of it that follow
//! from a seed (`CORPUS_SEED=7`; `CORPUS_ROUNDS=1000000` for a longer run).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and say what it saw"
)]

use conformance::{Rng, fuzzed};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod mutation;

/// An environment variable of the person who runs the tests.
#[expect(clippy::disallowed_methods, reason = "this is no setting of the server")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The names in a folder, without endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let seen = paths.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    seen.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Prints the input that repeats a failure.
struct OnFailure<'a>(&'a str, &'a [u8]);

impl Drop for OnFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} fails for b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

fn explore(target: &str, promise: fn(&[u8])) {
    let check = |input: &[u8]| {
        let _on_failure = OnFailure(target, input);
        promise(input);
    };
    let corpus = folder().join("corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let inputs: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    inputs.iter().for_each(|input| check(input));
    let rng = Rng::new(number("CORPUS_SEED", 1));
    // An event can be wrong in more ways than the others.
    let rounds = if target == "lambda_event" { 100_000 } else { 10_000 };
    for _ in 0..number("CORPUS_ROUNDS", rounds) {
        check(&mutation::of(&inputs, &rng));
    }
}

macro_rules! targets {
    ($($name:ident)+) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),+];

        $(#[test]
        fn $name() {
            explore(stringify!($name), fuzzed::$name);
        })+
    };
}

targets! { basic cookie form forwarded guard_token jwt_claims jwt_compact jwt_header lambda_event redirect seal }

#[test]
fn every_target_has_its_corpus_and_is_one_of_fuzz_too() {
    let targets: BTreeSet<_> = TARGETS.iter().map(ToString::to_string).collect();
    assert_eq!(names(&folder().join("corpus")), targets);
    assert_eq!(names(&folder().join("fuzz_targets")), targets);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for target in targets {
        let source = fs::read_to_string(folder().join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(source.contains(&format!("conformance::fuzzed::{target}(")), "{target}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
    }
}
