//! Who may read what a run leaves: whoever the user's umask says.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::people;

/// The permissions of all files in a folder that a run under this umask has left.
fn modes(folder: &Path, umask: &str) -> Vec<(String, u32)> {
    let words = "train people.csv --label-column group --epochs 1 --batch 16 --checkpoint-seconds 0 --out";
    let script = format!("umask {umask}; exec \"$0\" {words} run{umask}");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(assert_cmd::cargo::cargo_bin("defrost"));
    let output = command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(folder.join(format!("run{umask}"))).unwrap().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    let mode = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, entry.metadata().unwrap().permissions().mode() & 0o777)
    };
    files.map(mode).collect()
}

#[test]
fn files_have_the_permissions_the_umask_leaves() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path());
    for (umask, expected) in [("077", 0o600), ("022", 0o644), ("027", 0o640)] {
        let modes = modes(folder.path(), umask);
        assert!(
            ["bundle.json", "model.safetensors", "report.html"]
                .iter()
                .all(|name| modes.iter().any(|(file, _)| file == name))
        );
        for (name, mode) in modes {
            assert_eq!(mode, expected, "{name} under umask {umask}: {mode:o}");
        }
    }
}
