//! Writes every page, filled with samples, to a folder to look at: `cargo run -p templates --example pages FOLDER`.
#![expect(clippy::unwrap_used, reason = "a tool for people who work on the pages")]

#[path = "../tests/samples/mod.rs"]
mod samples;

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for page in samples::pages(&|text| text.to_owned()) {
        std::fs::write(folder.join(page.name).with_extension("html"), page.html).unwrap();
    }
}
