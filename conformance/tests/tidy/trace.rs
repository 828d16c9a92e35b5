//! `TRACE.md` names the tests that exist, and says what each case demands.

use super::{assert_none, files, root};
use std::fs;

fn trace() -> String {
    fs::read_to_string(root().join("TRACE.md")).unwrap()
}

/// The files that may hold rules and tests, by their path in the repository.
fn all_sources() -> impl Iterator<Item = (String, String)> {
    let folders = ["protocol", "guard", "storage", "keys", "templates", "server", "conformance", "bench"];
    folders.into_iter().flat_map(|folder| files(folder, "rs")).map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root()).unwrap().display().to_string(), text)
    })
}

#[test]
fn the_trace_names_what_is_there() {
    let trace = trace();
    let named = trace.split('`').skip(1).step_by(2).filter_map(|name| name.split_once(".rs::"));
    let missing = named.filter(|(path, name)| {
        let text = fs::read_to_string(root().join(format!("{path}.rs"))).unwrap_or_default();
        !["(", "<"].iter().any(|next| text.contains(&format!("fn {name}{next}")))
    });
    assert_none("in TRACE.md only", missing.map(|(path, name)| format!("{path}.rs::{name}")).collect());
}

#[test]
fn every_test_of_a_case_is_in_the_row_of_its_number() {
    let trace = trace();
    let mut missing = Vec::new();
    for (path, text) in all_sources() {
        let names = text.split("fn n").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        for name in names.map(|rest| format!("n{rest}")) {
            // `n001_n007_…` is a test of two cases.
            let numbers = name.split('_').map_while(|part| part.strip_prefix('n')?.parse::<u16>().ok());
            missing.extend(numbers.filter_map(|number| {
                let (case, test) = (format!("| N-{number:03} "), format!("`{path}::{name}`"));
                let there = trace.lines().any(|line| line.starts_with(&case) && line.contains(&test));
                (!there).then(|| format!("{case}… | {test}"))
            }));
        }
    }
    assert_none("not in TRACE.md", missing);
}

#[test]
fn every_case_says_what_it_demands() {
    let trace = trace();
    // `| N-001 az.noclient | what it demands | … |`
    let cases = trace.lines().filter(|line| line.starts_with("| N-"));
    let silent = cases.filter(|line| {
        let demand = line.split('|').nth(2).unwrap_or_default().trim();
        !demand.ends_with('.') || demand.contains(".rs::")
    });
    assert_none("no sentence", silent.map(str::to_owned).collect());
}
