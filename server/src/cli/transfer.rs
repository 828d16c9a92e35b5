//! `keyward storage export` and `import`.

use super::context::Context;
use super::output::{Failed, Outcome, Progress, show_time};
use crate::admin::transfer::{self, Counts};
use protocol::event::{Event, What};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub(super) fn export(context: &Context, file: PathBuf) -> Outcome {
    let output = context.output();
    context.with_store(|admin, _| async move {
        // So that nobody waits in vain.
        if file.exists() {
            return Err(Failed(format!("{} is there already; name another file", file.display())));
        }
        let mut progress = Progress::new("users read");
        let mut out = BufWriter::new(create(&file)?);
        let room = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = transfer::export(&admin, room, &mut out, |done, all| progress.show(done, all)).await;
        let written = work.map_err(Failed::from).and_then(|counts| {
            out.get_ref().sync_all()?;
            Ok(counts)
        });
        // A part of a store is of no use, and in the way of the next try.
        let counts = written.inspect_err(|_| drop(std::fs::remove_file(&file)))?;
        let text = format!("Wrote {}:\n{}", file.display(), listed(&counts));
        output.result(&json!({ "file": file, "counts": counts }), text)
    })
}

pub(super) fn import(context: &Context, file: PathBuf, planned_move: bool) -> Outcome {
    let output = context.output();
    // So that a mistyped name is told first.
    File::open(&file).map_err(|error| Failed(format!("{} can't be read: {error}", file.display())))?;
    context.with_store(|admin, _| async move {
        let mut progress = Progress::new("records put");
        let open = || Ok(BufReader::new(File::open(&file)?));
        let work = transfer::import(&admin, open, planned_move, |done, all| progress.show(done, all));
        let done = admin.change_ring(Event::new(What::StoreImported), work).await?;
        let mut text = format!("The store holds:\n{}", listed(&done.counts));
        if let Some(at) = done.not_before {
            let _infallible =
                write!(text, "Nothing issued before {} counts: everybody signs in anew.", show_time(at));
        }
        let not_before = done.not_before.map(|at| at.seconds());
        output.result(&json!({ "counts": done.counts, "not_before": not_before }), text)
    })
}

/// A new file that only its owner may read: it has password hashes in it.
fn create(path: &Path) -> Result<File, Failed> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|error| Failed(format!("{} can't be made: {error}; name another file", path.display())))
}

fn listed(counts: &Counts) -> String {
    counts.iter().fold(String::new(), |mut text, (kind, count)| {
        let _infallible = writeln!(text, "{count:>9}  {kind}");
        text
    })
}
