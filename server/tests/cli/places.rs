//! Where commands look for files, and what they say if something else is there.

use super::{begin, keyward, migrated};
use std::path::Path;
use tempfile::TempDir;

fn shown(folder: &TempDir, path: impl AsRef<Path>) -> String {
    folder.path().canonicalize().unwrap().join(path).display().to_string()
}

#[test]
fn a_command_in_the_wrong_folder_says_where_it_looked() {
    let folder = TempDir::new().unwrap();
    for command in [&["client", "list"][..], &["storage", "check"], &["user", "list"]] {
        let lost = keyward(&folder, command);
        let looked = format!("there is no store at {}", shown(&folder, "keyward-data/keyward.db"));
        for said in [&looked, "work in the folder of the server", "KEYWARD_STORAGE=sqlite:PATH"] {
            assert!(lost.code == 1 && lost.err.contains(said), "{said}: {lost:?}");
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("keyward-data")).unwrap();
    std::fs::write(folder.path().join("keyward-data/keyward.db"), "not a database, however long it is")
        .unwrap();
    for command in [&["storage", "check"][..], &["storage", "migrate"], &["client", "list"]] {
        let refused = keyward(&folder, command);
        let said = format!("{}: file is not a database", shown(&folder, "keyward-data/keyward.db"));
        assert!(refused.code == 1 && refused.err.contains(&said), "{said}: {refused:?}");
    }
}

#[test]
fn no_folder_is_made_for_a_mistyped_master_key() {
    let folder = TempDir::new().unwrap();
    begin(&folder);
    for command in [
        &["keys", "rewrap", "--new-master", "typo/new.key"][..],
        &["keys", "move", "--to", "local:typo/new.key"],
    ] {
        let refused = keyward(&folder, command);
        let said = format!("typo/new.key: there is no folder {}: correct the path", shown(&folder, "typo"));
        assert!(refused.code == 1 && refused.err.contains(&said), "{said}: {refused:?}");
        assert!(!folder.path().join("typo").exists());
    }
    assert_eq!(keyward(&folder, &["keys", "rewrap", "--new-master", "new.key"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_master_key_that_others_can_read_is_warned_of_once_in_a_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = migrated();
    begin(&folder);
    let file = folder.path().join("keyward-data/master.key");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let rewrapped = keyward(&folder, &["keys", "rewrap", "--new-master", "new.key"]);
    assert_eq!((rewrapped.code, rewrapped.err.matches("chmod 600").count()), (0, 1), "{rewrapped:?}");
}
