//! `keyward storage export` and `import`.

use super::context::Context;
use super::output::{Failed, Outcome, Progress, show_time};
use crate::admin::transfer::{self, Contents, Counts};
use protocol::event::{Event, What};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
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
        let contents = transfer::export(&admin, |done, all| progress.show(done, all)).await?;
        let mut out = BufWriter::new(create(&file)?);
        for line in contents.lines() {
            writeln!(out, "{}", line?)?;
        }
        out.into_inner()?.sync_all()?;
        let counts = contents.counts();
        let text = format!("Wrote {}:\n{}", file.display(), listed(&counts));
        output.result(&json!({ "file": file, "counts": counts }), text)
    })
}

pub(super) fn import(context: &Context, file: PathBuf, planned_move: bool) -> Outcome {
    let output = context.output();
    let opened =
        File::open(&file).map_err(|error| Failed(format!("{} can't be read: {error}", file.display())))?;
    let contents = Contents::read(BufReader::new(opened).lines())?;
    context.with_store(|admin, _| async move {
        let mut progress = Progress::new("records put");
        let work = transfer::import(&admin, contents, planned_move, |done, all| progress.show(done, all));
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
