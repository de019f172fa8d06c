//! What a process does to files and threads fails, one call after the other: opening, reading, writing, syncing, renaming,
//! removing, making folders, starting threads; and so do its large allocations. After each fault the command has ended with a message,
//! and its run can be loaded, resumed or started again, with the same bytes as without faults; unless an item could not be read, and
//! that was said. For want of memory the standard library ends a process by itself; the run is then as good as after any other fault.
//!
//! A small library counts these calls and lets one of them fail; it is loaded before the C library. The tests try a sample of the
//! calls, and with DEFROST_FAULTS=all each call with each kind of fault. Not made to fail: calls that don't go through the C library
//! (free disk, reserved room, locks).
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Ran, people, two_classes};
use crate::tables::{reviews, tiny};

/// Ways for calls to fail: an input or output error, no space left, in one call or in all from then on; a file system that has become
/// read-only.
const KINDS: [(i32, On); 5] =
    [(5, On::Once), (28, On::Always), (5, On::Always), (28, On::Once), (30, On::Writing)];
/// How many calls of a command are tried without DEFROST_FAULTS=all.
const SAMPLE: usize = 16;
/// A command that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(120);

const RESUME: &str = "train --resume run";

/// The commands that use a run. Exports are not compared, because the faults would hit Python, too.
const USES_OF_ROWS: [&str; 5] = [
    "predict run people.csv",
    "evaluate run people.csv",
    "export run model.onnx --python none",
    "features run people.csv features.csv",
    "compare run run",
];
const USES_OF_IMAGES: [&str; 4] = [
    "predict run data/red",
    "evaluate run data",
    "export run model.onnx --python none",
    "features run data features.npy",
];
const USES_OF_TEXTS: [&str; 3] =
    ["predict run valid.csv", "evaluate run valid.csv", "export run model.onnx --python none"];

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
    uses: &'static [&'static str],
}

/// What fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The call of this number, with this error.
    Call(usize, i32, On),
    /// The large allocation of this number.
    Memory(usize, On),
}

/// Whether more than one fails.
#[derive(Clone, Copy, Debug)]
enum On {
    Once,
    /// And all later ones.
    Always,
    /// And all later ones that write; this one only if it does.
    Writing,
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
    match fault {
        Some(Fault::Call(call, error, on)) => {
            command.env("FAULT_AT", call.to_string()).env("FAULT_ERROR", error.to_string());
            command.env("FAULT_ON", (on as usize).to_string());
        }
        Some(Fault::Memory(allocation, on)) => {
            command.env("FAULT_MEMORY", allocation.to_string()).env("FAULT_ON", (on as usize).to_string());
        }
        None => {}
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

/// How many calls and how many large allocations the last command in a folder has made.
fn counted(folder: &Path) -> [usize; 2] {
    let text = fs::read_to_string(folder.join("count")).unwrap();
    let numbers: Vec<usize> = text.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
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

/// The faults to try in this many calls: each kind at each of them, or a sample at even distances with one kind after the other.
fn in_calls(calls: usize, most: usize) -> Vec<Fault> {
    if all_are_tried() {
        let of_call = |call| KINDS.map(|(error, on)| Fault::Call(call, error, on));
        return (1..=calls).flat_map(of_call).collect();
    }
    let points = (1..=calls).step_by(calls.div_ceil(most)).zip(KINDS.into_iter().cycle());
    points.map(|(call, (error, on))| Fault::Call(call, error, on)).collect()
}

/// The faults to try in this many large allocations.
fn in_memory(allocations: usize) -> Vec<Fault> {
    let step = if all_are_tried() { 1 } else { allocations.div_ceil(SAMPLE / 2).max(1) };
    let points = (1..=allocations).step_by(step).zip([On::Once, On::Always].into_iter().cycle());
    points.map(|(allocation, on)| Fault::Memory(allocation, on)).collect()
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
    if let Fault::Memory(..) = fault {
        return;
    }
    let is_panic = ran.stderr.contains("panicked") || ran.code == 101;
    assert!((0..=2).contains(&ran.code) && !is_panic, "{words}, {fault:?}: {} {}", ran.code, ran.stderr);
    assert!(ran.code == 0 || ran.stderr.contains("error: "), "{words}, {fault:?}: {}", ran.stderr);
}

fn weights(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("run/model.safetensors")).unwrap()
}

/// How many commands ended in which way.
#[derive(Debug, Default)]
struct Ends {
    /// They finished nevertheless.
    finished: AtomicUsize,
    /// The run was resumed.
    resumed: AtomicUsize,
    /// The run had been saved before something else failed.
    saved: AtomicUsize,
    /// The run began again.
    begun: AtomicUsize,
}

impl Case {
    /// Runs a command under each of these faults, in a copy of the folder. Then runs the command that completes the run.
    fn try_each(&self, start: &Path, words: &str, faults: &[Fault], expected: &[u8]) -> Ends {
        let ends = Ends::default();
        each(faults, |fault| {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            copy(start, folder);
            let ran = run(folder, words, Some(fault), 0);
            assert_ended(&ran, words, fault);
            let has = |file: &str| folder.join("run").join(file).exists();
            let (end, again) = match (ran.code, has("checkpoint/checkpoint.json"), has("bundle.json")) {
                (0, ..) => (&ends.finished, None),
                (_, true, _) => (&ends.resumed, Some(RESUME)),
                (_, false, true) => (&ends.saved, Some(self.uses[0])),
                (_, false, false) => (&ends.begun, Some(self.train)),
            };
            end.fetch_add(1, Ordering::Relaxed);
            if let Some(words) = again {
                let again = run(folder, words, None, 0);
                assert_eq!(again.code, 0, "{words} after {fault:?}: {} {}", ran.stderr, again.stderr);
            }
            // An item that can't be read is left out, which is said.
            let is_said = ran.stderr.contains("warning: left out: ");
            assert!(is_said || weights(folder) == expected, "other weights after {fault:?}: {}", ran.stderr);
        });
        ends
    }

    /// A folder whose run was interrupted and can be resumed.
    fn interrupted(&self, calls: usize) -> tempfile::TempDir {
        let interrupt = |part: usize| {
            let folder = tempfile::tempdir().unwrap();
            copy(self.data.path(), folder.path());
            run(folder.path(), self.train, Some(Fault::Call(calls * part / 20, 28, On::Always)), 0);
            let has = |file: &str| folder.path().join("run").join(file).exists();
            (has("checkpoint/checkpoint.json") && !has("bundle.json")).then_some(folder)
        };
        (5..20).find_map(interrupt).expect("some fault comes between the first checkpoint and the end")
    }
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
    let (expected, [calls, allocations]) = (weights(whole), counted(whole));
    let told = |what: &str, faults: &[Fault], ends: Ends| {
        eprintln!("{name}: {} faults {what}: {ends:?}", faults.len());
    };
    for (what, faults) in
        [("in training", in_calls(calls, SAMPLE)), ("in training's memory", in_memory(allocations))]
    {
        let ends = case.try_each(case.data.path(), case.train, &faults, &expected);
        told(what, &faults, ends);
    }

    let interrupted = case.interrupted(calls);
    let resumed = tempfile::tempdir().unwrap();
    copy(interrupted.path(), resumed.path());
    assert_eq!(run(resumed.path(), RESUME, None, 0).code, 0);
    assert!(weights(resumed.path()) == expected, "other weights where the run was resumed");
    let faults = in_calls(counted(resumed.path())[0], SAMPLE / 2);
    let ends = case.try_each(interrupted.path(), RESUME, &faults, &expected);
    told("in resuming", &faults, ends);

    for words in case.uses {
        assert_eq!(run(whole, words, None, 0).code, 0);
        let [calls, allocations] = counted(whole);
        let faults = [in_calls(calls, SAMPLE), in_memory(allocations)].concat();
        for &fault in &faults {
            assert_ended(&run(whole, words, Some(fault), 0), words, fault);
        }
        eprintln!("{name}: {} faults in `{words}`", faults.len());
    }
    // A clock that jumps changes times and nothing else.
    for every in [3, 50] {
        let folder = tempfile::tempdir().unwrap();
        copy(case.data.path(), folder.path());
        let ran = run(folder.path(), case.train, None, every);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(weights(folder.path()) == expected, "other weights where the clock jumps");
    }
}

#[test]
fn rows_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    people(data.path());
    let train =
        "train people.csv --label-column group --epochs 2 --batch 16 --checkpoint-seconds 0 --out run";
    try_faults("rows", &Case { data, train, uses: &USES_OF_ROWS });
}

#[test]
fn images_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    two_classes(data.path(), 5);
    let train = "train data --size 32 --batch 4 --freeze-to -1 --epochs 2 --checkpoint-seconds 0 --out run";
    try_faults("images", &Case { data, train, uses: &USES_OF_IMAGES });
}

#[test]
fn texts_survive_faults() {
    let data = tempfile::tempdir().unwrap();
    tiny(data.path());
    reviews(data.path());
    let train = "train reviews.csv --valid valid.csv --weights tiny --max-tokens 40 --precision f32 --epochs 1 --batch 16 \
                 --checkpoint-seconds 0 --out run";
    try_faults("texts", &Case { data, train, uses: &USES_OF_TEXTS });
}
