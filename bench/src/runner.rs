//! How a program is run: plainly, pinned to a core, or under a tool.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to run a program.
#[derive(Clone, Debug)]
pub enum Runner {
    /// As it is.
    Plain,
    /// On one core only.
    OnCore(usize),
    /// Under callgrind, which writes to the file.
    Callgrind(PathBuf),
}

impl Runner {
    /// The command; the program's arguments can be added to it.
    pub fn command(&self, program: &Path) -> Command {
        let (tool, flags) = match self {
            Self::Plain => return Command::new(program),
            Self::OnCore(core) => ("taskset", vec!["-c".to_owned(), core.to_string()]),
            Self::Callgrind(counts) => {
                let file = format!("--callgrind-out-file={}", counts.display());
                ("valgrind", vec!["--quiet".to_owned(), "--tool=callgrind".to_owned(), file])
            }
        };
        let mut command = Command::new(tool);
        command.args(flags).arg(program);
        command
    }
}
