//! No core dumps: private keys, sealing masters and passwords are in this process's memory, and a core file would put them
//! on a disk.

use super::output::note;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids this process to leave a core dump, now and later. If the system refuses, a warning is printed and the process
/// continues: only its operator could cause that.
pub(super) fn forbid() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let refused = setrlimit(Resource::Core, none).err().or_else(|| hide_memory().err());
    if let Some(error) = refused {
        note(format_args!(
            "keyward: warning: core dumps can't be forbidden, and they would contain keys: {error}"
        ));
    }
}

/// The limit alone is not enough: Linux ignores it if `core_pattern` pipes core dumps to a program. A process that isn't
/// dumpable leaves none there either, and no other program of the same user can trace it or read its memory. The price:
/// its files in `/proc` belong to root, so its own user can't list its descriptors or attach a debugger or profiler.
#[cfg(target_os = "linux")]
fn hide_memory() -> rustix::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
const fn hide_memory() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};

    #[test]
    fn neither_a_file_nor_a_program_gets_a_core_dump() {
        forbid();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
