//! `keyward storage export` and `import`.

use super::context::Context;
use super::output::{Failed, Outcome, Progress, show_time};
use crate::admin::transfer::{self, Counts, Stage};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

pub(super) fn export(context: &Context, file: PathBuf) -> Outcome {
    let output = context.output();
    context.with_store(|admin, _| async move {
        // Checked first, so that no one waits in vain.
        if file.exists() {
            return Err(Failed(format!("{} exists already; name another file", file.display())));
        }
        let mut progress = Progress::new("users read");
        let room = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unmade =
            |error| Failed(format!("{} can't be created: {error}; name another file", file.display()));
        // It gets its name when it is complete. Only its owner may read it, as it has password hashes.
        let growing =
            tempfile::Builder::new().prefix(".keyward-export-").tempfile_in(room).map_err(unmade)?;
        let mut out = BufWriter::new(growing);
        let counts = transfer::export(&admin, room, &mut out, |done, all| progress.show(done, all)).await?;
        let whole = out.into_inner().map_err(|error| unmade(error.into_error()))?;
        whole.as_file().sync_all()?;
        whole.persist_noclobber(&file).map_err(|error| unmade(error.error))?;
        let text = format!("Wrote {}:\n{}", file.display(), listed(&counts));
        output.result(&json!({ "file": file, "counts": counts }), text)
    })
}

pub(super) fn import(context: &Context, file: PathBuf, planned_move: bool) -> Outcome {
    let output = context.output();
    let unread = |error| Failed(format!("{} can't be read: {error}", file.display()));
    if !File::open(&file).and_then(|opened| opened.metadata()).map_err(unread)?.is_file() {
        return Err(Failed(format!(
            "{} is no regular file, and an import reads it twice: save it to one",
            file.display()
        )));
    }
    context.with_any_store(|admin, _| async move {
        let (mut put, mut compared) = (Progress::new("records put"), Progress::new("users compared"));
        let progress = |stage, done, all| match stage {
            Stage::Put => put.show(done, all),
            Stage::Compare => compared.show(done, all),
        };
        let open = || Ok(BufReader::new(File::open(&file)?));
        let done = transfer::import(&admin, open, planned_move, progress).await?;
        let had = if done.is_new { "" } else { " already; nothing was written" };
        let mut text = format!("The store has{had}:\n{}", listed(&done.counts));
        if let Some(at) = done.not_before {
            let _infallible = write!(
                text,
                "Nothing issued before {} is valid any more: all users have to sign in again.",
                show_time(at)
            );
        }
        let not_before = done.not_before.map(|at| at.seconds());
        output
            .result(&json!({ "counts": done.counts, "not_before": not_before, "written": done.is_new }), text)
    })
}

fn listed(counts: &Counts) -> String {
    counts.iter().fold(String::new(), |mut text, (kind, count)| {
        let _infallible = writeln!(text, "{count:>9}  {kind}");
        text
    })
}
