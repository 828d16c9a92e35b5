//! The reference page of settings, generated from the table.

use super::reload::AT_RUN_TIME;
use super::table::ROWS;
use std::fmt::Write as _;

/// The whole page `docs/reference/settings.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Generated from server/src/config/table.rs; `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         Settings are read from `keyward.toml` in the working directory, or from the file given with `--config FILE`. \
         An environment variable overrides the file, and a flag overrides both. An unknown key or an unsafe value \
         stops the start with one line that says which key and value it is and how to fix it. \
         `keyward config show` prints the settings in force and where each comes from, with secrets masked.\n\n\
         Durations are written like `30s`, `10m`, `24h`, `7d` or `2h10m`. Lists are separated by commas; in the \
         file they may be arrays, too.\n\n\
         | key | environment | default | meaning |\n|---|---|---|---|\n",
    );
    for row in &ROWS {
        let default = row.default.map_or_else(|| row.default_words.to_owned(), |text| format!("`{text}`"));
        let _infallible =
            writeln!(page, "| `{}` | `{}` | {default} | {} |", row.key, row.variable(), row.doc);
    }
    let at_run_time = AT_RUN_TIME.map(|key| format!("`{key}`")).join(", ");
    let _infallible = write!(
        page,
        "\nOn SIGHUP a server reads its settings again and applies these without a restart: {at_run_time}. If any other has \
         changed, or one is not valid, it applies none, and its log says which.\n",
    );
    page.push_str(
        "\nFour variables without the prefix are read as well: `PORT` and `FUNCTIONS_CUSTOMHANDLER_PORT`, in which a \
         platform gives the port; `NOTIFY_SOCKET`, the socket on which systemd waits until the server is ready; and \
         `RUST_LOG`, which selects what is logged.\n\n\
         Variables that Kubernetes sets in a pod for a Service whose name begins with `keyward` (`KEYWARD_` with `PORT`, \
         `SERVICE_HOST`, `PORT_8080_TCP_ADDR` and so on) are recognised by name and value and ignored; the log names them \
         at the start.\n",
    );
    page
}
