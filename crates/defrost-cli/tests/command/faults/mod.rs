//! What a process does to files and threads fails, one call after the other: opening, reading, writing, syncing, renaming,
//! removing, making folders, starting threads. After each fault the command has ended with a message, and its run can be loaded,
//! resumed or started again, with the same bytes as without faults; unless an item could not be read, and that was said.
//!
//! A small library counts these calls and lets one of them fail; it is loaded before the C library. The tests try a sample of the
//! calls, and with DEFROST_FAULTS=all each call with each kind of fault. Not made to fail: calls that don't go through the C library
//! (free disk, reserved room, locks), and memory, for want of which the standard library ends the process.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Ran, people, two_classes};
use crate::tables::{reviews, tiny};

/// Errors as the system numbers them: an input or output error, no space left.
const ERRORS: [i32; 2] = [5, 28];
/// How many calls of a command are tried without DEFROST_FAULTS=all.
const SAMPLE: usize = 16;
/// A command that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The library of faults, built once; none if no C compiler is installed.
static LIBRARY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/faults/preload.c");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
    let cc =
        Command::new("cc").args(["-O1", "-shared", "-fPIC", "-ldl", "-o"]).arg(&library).arg(source).status();
    let is_built = cc.is_ok_and(|status| status.success());
    if !is_built {
        eprintln!("skipped: no C compiler is installed to build the library of faults");
    }
    is_built.then_some(library)
});

/// A data set, a command that trains on it, and commands that use the run.
struct Case {
    data: tempfile::TempDir,
    train: &'static str,
    uses: [&'static str; 2],
}

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: usize,
    error: i32,
    /// And all later ones.
    lasts: bool,
}

/// Runs a command in which a call fails, or the clock jumps.
fn run(folder: &Path, words: &str, fault: Option<Fault>, clock: usize) -> Ran {
    let library = LIBRARY.as_ref().unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("defrost"));
    command.current_dir(folder).args(words.split(' ')).env("LD_PRELOAD", library);
    command.env("XDG_CACHE_HOME", folder.join("cache")).env("HF_HUB_OFFLINE", "1");
    command
        .env("FAULT_FOLDER", folder)
        .env("FAULT_COUNT", folder.join("count"))
        .env("FAULT_CLOCK", clock.to_string());
    if let Some(Fault { call, error, lasts }) = fault {
        command.env("FAULT_AT", call.to_string()).env("FAULT_ERROR", error.to_string());
        command.env("FAULT_ON", i32::from(lasts).to_string());
    }
    let out = |name: &str| fs::File::create(folder.join(name)).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(out("out")).stderr(out("err")).spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{words} hangs under {fault:?}");
            }
            None => thread::sleep(Duration::from_millis(3)),
        }
    };
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    Ran { code: status.code().unwrap_or(-1), stdout: text("out"), stderr: text("err") }
}

/// How many calls the last command in a folder has made.
fn calls(folder: &Path) -> usize {
    fs::read_to_string(folder.join("count")).unwrap().parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The calls to try of this many: all, or a sample at even distances.
fn sample(calls: usize) -> Vec<usize> {
    let step = if all_are_tried() { 1 } else { calls.div_ceil(SAMPLE) };
    (1..=calls).step_by(step).collect()
}

fn all_are_tried() -> bool {
    std::env::var("DEFROST_FAULTS").is_ok_and(|all| all == "all")
}

/// Tries faults on all threads.
fn each(faults: &[Fault], attempt: impl Fn(Fault) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    attempt(fault);
                }
            });
        }
    });
}

/// Asserts that a command has ended by itself, and has said why if it failed.
#[track_caller]
fn assert_ended(ran: &Ran, words: &str, fault: Fault) {
    let is_panic = ran.stderr.contains("panicked") || ran.code == 101;
    assert!((0..=2).contains(&ran.code) && !is_panic, "{words}, {fault:?}: {} {}", ran.code, ran.stderr);
    assert!(ran.code == 0 || ran.stderr.contains("error: "), "{words}, {fault:?}: {}", ran.stderr);
}

fn weights(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("run/model.safetensors")).unwrap()
}

/// Lets calls of a case's commands fail, and says how many.
fn try_faults(name: &str, case: &Case) {
    if LIBRARY.is_none() {
        return;
    }
    let whole = tempfile::tempdir().unwrap();
    let whole = whole.path();
    copy(case.data.path(), whole);
    let ran = run(whole, case.train, None, 0);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (expected, points) = (weights(whole), sample(calls(whole)));
    let kinds = ERRORS.map(|error| [(error, false), (error, true)]).concat();
    // Each point of a sample with one kind of fault after the other.
    let of_point = |(place, &call): (usize, &usize)| {
        let kinds = if all_are_tried() { kinds.clone() } else { vec![kinds[place % kinds.len()]] };
        kinds.into_iter().map(move |(error, lasts)| Fault { call, error, lasts })
    };
    let faults: Vec<Fault> = points.iter().enumerate().flat_map(of_point).collect();
    let ends = Mutex::new([0; 4]);
    let count = |end: usize| ends.lock().unwrap()[end] += 1;
    each(&faults, |fault| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copy(case.data.path(), folder);
        let ran = run(folder, case.train, Some(fault), 0);
        assert_ended(&ran, case.train, fault);
        let has = |file: &str| folder.join("run").join(file).exists();
        let again = match (ran.code, has("checkpoint/checkpoint.json"), has("bundle.json")) {
            (0, ..) => None,
            (_, true, _) => Some(("train --resume run", 1)),
            // Saved, and then something else failed.
            (_, false, true) => Some((case.uses[0], 2)),
            (_, false, false) => Some((case.train, 3)),
        };
        count(again.map_or(0, |(_, end)| end));
        if let Some((words, _)) = again {
            let again = run(folder, words, None, 0);
            assert_eq!(again.code, 0, "{words} after {fault:?}: {} {}", ran.stderr, again.stderr);
        }
        // An item that can't be read is left out, which is said.
        let is_said = ran.stderr.contains("warning: left out: ");
        assert!(is_said || weights(folder) == expected, "other weights after {fault:?}: {}", ran.stderr);
    });
    let mut used = 0;
    for words in case.uses {
        assert_eq!(run(whole, words, None, 0).code, 0);
        let points = sample(calls(whole));
        used += points.len();
        for call in points {
            let fault = Fault { call, error: ERRORS[call % 2], lasts: call % 3 == 0 };
            assert_ended(&run(whole, words, Some(fault), 0), words, fault);
        }
    }
    // A clock that jumps changes times and nothing else.
    for every in [3, 50] {
        let folder = tempfile::tempdir().unwrap();
        copy(case.data.path(), folder.path());
        let ran = run(folder.path(), case.train, None, every);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(weights(folder.path()) == expected, "other weights where the clock jumps");
    }
    let [finished, resumed, saved, begun] = ends.into_inner().unwrap();
    eprintln!(
        "{name}: {} faults in training: {finished} finished nevertheless, {resumed} resumed, {saved} saved before, {begun} begun again; \
         {used} in other commands",
        faults.len()
    );
}

#[test]
fn rows_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    people(data.path());
    let train =
        "train people.csv --label-column group --epochs 2 --batch 16 --checkpoint-seconds 0 --out run";
    try_faults("rows", &Case { data, train, uses: ["predict run people.csv", "evaluate run people.csv"] });
}

#[test]
fn images_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    two_classes(data.path(), 5);
    let train = "train data --size 32 --batch 4 --freeze-to -1 --epochs 2 --checkpoint-seconds 0 --out run";
    try_faults("images", &Case { data, train, uses: ["predict run data/red", "evaluate run data"] });
}

#[test]
fn texts_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    tiny(data.path());
    reviews(data.path());
    let train = "train reviews.csv --valid valid.csv --weights tiny --max-tokens 40 --precision f32 --epochs 1 --batch 16 \
                 --checkpoint-seconds 0 --out run";
    try_faults("texts", &Case { data, train, uses: ["predict run valid.csv", "evaluate run valid.csv"] });
}
