//! Writes the reference pages that follow from code: `cargo run -q -p server --example reference_pages`, in the
//! repository's root.

fn main() -> std::io::Result<()> {
    std::fs::write("docs/reference/settings.md", server::config::page::markdown())?;
    std::fs::write("docs/reference/cli.md", server::cli::page::markdown())?;
    std::fs::write("docs/reference/events.md", server::telemetry::page())?;
    std::fs::write("docs/reference/metrics.md", server::metrics::markdown())?;
    std::fs::write("docs/reference/endpoints.md", server::reference::endpoints::markdown())?;
    std::fs::write("docs/reference/errors.md", server::reference::errors::markdown())
}
