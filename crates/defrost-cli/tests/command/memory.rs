//! A long run takes no more memory and no more open files than a short one.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::ops::Range;

use crate::support::{people, start, two_classes};

/// What a process holds: bytes of memory, and open files.
fn held(process: u32) -> Option<(u64, usize)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let memory =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok());
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some((memory.map(|kilobytes: u64| kilobytes * 1024)?, files))
}

/// The most that a run holds in some of its epochs.
fn most(held: &[(u64, usize)], epochs: Range<usize>) -> (u64, usize) {
    let held = &held[epochs];
    (held.iter().map(|held| held.0).max().unwrap(), held.iter().map(|held| held.1).max().unwrap())
}

#[test]
fn two_hundred_epochs_hold_what_a_hundred_hold() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 8);
    people(folder.path());
    for words in [
        "train data --size 32 --batch 16 --freeze-to -1 --epochs 200 --out images",
        "train people.csv --label-column group --batch 64 --epochs 200 --checkpoint-seconds 0 --out rows",
    ] {
        let mut child = start(folder.path(), &words.split(' ').collect::<Vec<_>>());
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let epochs = lines.map(Result::unwrap).filter(|line| line.contains(": train loss "));
        let held: Vec<_> = epochs.filter_map(|_| held(child.id())).collect();
        assert!(child.wait().unwrap().success());
        // The last epoch's line may be read when the process has ended.
        assert!(held.len() >= 199, "{}", held.len());
        let ((early, files), (late, files_late)) = (most(&held, 50..100), most(&held, 150..199));
        assert!(files_late <= files, "{words}: {files} open files, then {files_late}");
        // Less than 100 kB an epoch; what a checkpoint takes for a moment comes and goes.
        assert!(late < early + 10_000_000, "{words}: {early} bytes, then {late}");
    }
}
