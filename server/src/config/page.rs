//! The reference page of settings, written from the table.

use super::table::ROWS;
use std::fmt::Write as _;

/// The whole page `docs/reference/settings.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Generated from server/src/config/table.rs; `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         Settings stand in `keyward.toml` in the working directory, or in the file given with `--config FILE`. \
         An environment variable overrides the file, and a flag overrides both. A key that doesn't exist, or a \
         value that isn't safe, stops the start with one line that names key, value and mend. \
         `keyward config show` prints what is in force and where it came from, secrets masked.\n\n\
         Durations are written like `30s`, `10m`, `24h`, `7d` or `2h10m`. Lists are separated by commas; in the \
         file they may also be arrays.\n\n\
         | key | environment | default | meaning |\n|---|---|---|---|\n",
    );
    for row in &ROWS {
        let default = row.default.map_or_else(|| row.default_words.to_owned(), |text| format!("`{text}`"));
        let _infallible =
            writeln!(page, "| `{}` | `{}` | {default} | {} |", row.key, row.variable(), row.doc);
    }
    page.push_str(
        "\nThree variables without the prefix are read as well: `PORT` and `FUNCTIONS_CUSTOMHANDLER_PORT`, by which \
         a platform names the port, and `RUST_LOG` for what is logged.\n",
    );
    page
}
