//! Files that are none, disks that are full, folders that others may write to.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ran, defrost_in, ended, people, start, two_classes};

fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Runs a command that must not wait for a pipe.
#[track_caller]
fn soon(folder: &Path, words: &[&str]) -> Ran {
    let mut child = start(folder, words);
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{words:?} waits");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ended(child)
}

#[test]
fn only_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = ["train", "people.csv", "--label-column", "group", "--epochs", "1", "--out", "run"];
    assert_eq!(defrost_in(folder, &words).code, 0);
    let is_none = "it is a pipe, a socket or a device, and only files are read";
    for name in ["pipe.csv", "pipe.safetensors", "pipe.defrost", "run/model.safetensors", "run/bundle.json"] {
        pipe(&folder.join(name));
    }
    two_classes(folder, 4);
    for words in [
        &["train", "pipe.csv", "--label-column", "group", "--task", "table"][..],
        &["train", "data", "--weights", "pipe.safetensors"],
        &["train", "data", "--weights", "/dev/zero"],
        &["predict", "run", "people.csv"],
        &["evaluate", "run", "people.csv"],
        &["predict", "pipe.defrost", "people.csv"],
        &["pack", "run"],
        &["serve", "run", "--port=0"],
    ] {
        let ran = soon(folder, words);
        assert!(ran.code == 1 || ran.code == 2, "{words:?}: {} {}", ran.code, ran.stderr);
        let said = [is_none, "not a finished run"].iter().any(|said| ran.stderr.contains(said));
        assert!(said, "{words:?}: {}", ran.stderr);
    }
}

#[test]
fn a_cache_that_others_may_write_to_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 6);
    let cache = folder.join("cache/defrost");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let words = ["train", "data", "--size=32", "--freeze-to=-1", "--epochs=2", "--out=run"];
    let ran = defrost_in(folder, &words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("everybody may write to it; `chmod o-w` makes it yours"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

/// Runs a shell's words on a file system of its own of this size at `small`, where the system lets one; `$D` is `defrost`.
fn on_a_small_disk(folder: &Path, size: &str, words: &str) -> Option<Ran> {
    fs::create_dir_all(folder.join("small")).unwrap();
    let script = format!("mount -t tmpfs -o size={size} none small || exit 77; {words}");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    command.env("D", assert_cmd::cargo::cargo_bin("defrost"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let ran = ended(child);
    if ran.code == 77 || ran.stderr.starts_with("unshare:") {
        eprintln!("skipped: no file system can be made here: {}", ran.stderr);
        return None;
    }
    Some(ran)
}

const IMAGES: &str = "$D train data --size 32 --batch 4 --epochs 1 --checkpoint-seconds=0 --out small/run";

#[test]
fn a_disk_without_room_is_noticed_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 6);
    let Some(ran) = on_a_small_disk(folder, "12m", IMAGES) else { return };
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let said = "--out small/run: the run's result takes up to 22 MB, and the disk has no room for it: No space left on device \
                (os error 28); make room, or choose another folder";
    assert!(ran.stderr.contains(said) && !ran.stderr.contains("train loss"), "{}", ran.stderr);

    // There is room for the result, and not for all checkpoints beside it: they don't take it.
    let words = format!("{IMAGES} || exit 1; $D predict small/run data/red/001.png");
    let ran = on_a_small_disk(folder, "40m", &words).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: small/run: checkpoints take up to "), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: the checkpoint can't be written"), "{}", ran.stderr);
    assert!(ran.stdout.contains("saved: small/run"), "{}", ran.stdout);
}

/// Where Burn or the standard library has no memory left, it ends the process; the program's own buffers are errors.
#[test]
fn memory_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let program = assert_cmd::cargo::cargo_bin("defrost");
    let mut ended_well = 0;
    for kilobytes in (150_000..=500_000).step_by(50_000) {
        let words = "train people.csv --label-column group --epochs 2 --out";
        let script = format!("ulimit -v {kilobytes}; \"$D\" {words} run{kilobytes}; exit $?");
        let mut command = Command::new("bash");
        command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).env("D", &program);
        let child = command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let ran = ended(child.unwrap());
        let is_saved = folder.join(format!("run{kilobytes}/bundle.json")).exists();
        assert_eq!(is_saved, ran.code == 0, "{kilobytes}: {}", ran.stderr);
        assert!(ran.code == 0 || !ran.stderr.is_empty(), "{kilobytes} kB: {}", ran.code);
        ended_well += usize::from(ran.code == 0);
    }
    // A region of 256 MB can't be had in most of these; smaller ones can.
    assert!(ended_well >= 5, "{ended_well}");
}
