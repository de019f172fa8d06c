//! Interrupted runs: killed, stopped, taken up again, refused.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{defrost_in, ended, image, people, start, two_classes};

/// 13 images, 3 batches an epoch: 6 behind a frozen body, then 6 thawed.
const IMAGES: [&str; 13] = [
    "train",
    "data",
    "--size",
    "32",
    "--batch",
    "4",
    "--freeze-epochs",
    "2",
    "--epochs",
    "2",
    "--average",
    "0.9",
    "--checkpoint-seconds=0",
];
const ROWS: [&str; 6] = ["train", "people.csv", "--label-column=group", "--epochs", "12", "--patience=6"];

/// The phase, epoch and batch that a run's checkpoint is of.
fn place(run: &Path) -> Option<[u64; 3]> {
    let manifest: Value =
        serde_json::from_slice(&fs::read(run.join("checkpoint/checkpoint.json")).ok()?).ok()?;
    let place = &manifest["run"]["progress"];
    Some(["phase", "epoch", "batch"].map(|number| place[number].as_u64().unwrap()))
}

/// Waits until a run is there.
#[track_caller]
fn wait_for(mut child: Child, run: &Path, moment: [u64; 3]) -> Child {
    let started = Instant::now();
    while place(run).is_none_or(|place| place < moment) {
        if child.try_wait().unwrap().is_some() {
            panic!("{moment:?} never came: {}", ended(child).stderr);
        }
        assert!(started.elapsed() < Duration::from_secs(300), "{moment:?} has not come");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// What a run has left, times apart.
fn came_of(run: &Path) -> (Vec<u8>, String, [Value; 3]) {
    let read = |name: &str| fs::read(run.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let history = String::from_utf8(read("history.csv")).unwrap();
    let timeless = |line: &str| line.rsplit_once(',').unwrap().0.to_owned() + "\n";
    let mut bundle: Value = serde_json::from_slice(&read("bundle.json")).unwrap();
    for epoch in bundle["epochs"].as_array_mut().unwrap() {
        epoch["seconds"] = Value::Null;
    }
    bundle["estimate"] = Value::Null;
    let mut record: Value = serde_json::from_slice(&read("report.json")).unwrap();
    let [validation, movements] = ["validation", "movements"].map(|part| record["report"][part].take());
    assert!(!run.join("checkpoint").exists(), "what is finished has no checkpoint");
    (read("model.safetensors"), history.lines().map(timeless).collect(), [bundle, validation, movements])
}

/// Kills a run at these moments, one after the other, going on in between; then lets it end.
fn killed_at(folder: &Path, (words, out): (&[&str], &str), moments: &[[u64; 3]]) {
    let run = folder.join(out);
    let mut child = start(folder, &[words, &["--out", out]].concat());
    for &moment in moments {
        child = wait_for(child, &run, moment);
        child.kill().unwrap();
        let ran = ended(child);
        assert_eq!(ran.code, -1, "not killed at {moment:?}: {}", ran.stderr);
        child = start(folder, &["train", "--resume", out, "--checkpoint-seconds", "0"]);
    }
    let ran = ended(child);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn killed_at_any_moment_it_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 8);
    assert_eq!(defrost_in(folder, &[&IMAGES[..], &["--out", "whole"]].concat()).code, 0);
    let expected = came_of(&folder.join("whole"));
    for (number, moments) in drawn_moments().chunks(4).enumerate() {
        let out = format!("killed-{number}");
        killed_at(folder, (&IMAGES, &out), moments);
        assert!(came_of(&folder.join(&out)) == expected, "killed at {moments:?}");
    }
}

/// Twenty moments of [`IMAGES`], each four in order: the same ones every time, from a stream of numbers that looks random
/// (Numerical Recipes' generator). What follows the last batch is too short to be met for sure.
fn drawn_moments() -> [[u64; 3]; 20] {
    let mut state: u64 = 20;
    let mut moments = [(); 20].map(|()| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let batch = (state >> 33) % 11;
        [batch / 6, batch / 3 % 2, batch % 3]
    });
    moments.chunks_mut(4).for_each(<[_]>::sort);
    moments
}

/// Files under temporary names in a run's checkpoint: being written, or left by a run that was killed.
fn unfinished(run: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(run.join("checkpoint")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with(".tmp")).collect()
}

#[test]
fn killed_while_a_checkpoint_is_written_it_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 8);
    assert_eq!(defrost_in(folder, &[&IMAGES[..], &["--out", "whole"]].concat()).code, 0);
    let run = folder.join("run");
    let mut child = start(folder, &[&IMAGES[..], &["--out", "run"]].concat());
    let mut halves = 0;
    for _ in 0..4 {
        child = wait_for(child, &run, [0, 0, 0]);
        let left = unfinished(&run);
        while unfinished(&run).is_subset(&left) {
            assert!(child.try_wait().unwrap().is_none(), "{}", ended(child).stderr);
        }
        child.kill().unwrap();
        assert_eq!(ended(child).code, -1);
        halves += usize::from(!unfinished(&run).is_subset(&left));
        child = start(folder, &["train", "--resume", "run", "--checkpoint-seconds", "0"]);
    }
    let ran = ended(child);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(halves > 0, "no file was half written");
    assert!(came_of(&run) == came_of(&folder.join("whole")));
}

#[test]
fn tables_go_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = [&ROWS[..], &["--batch", "8", "--checkpoint-seconds", "0"]].concat();
    assert_eq!(defrost_in(folder, &[&words[..], &["--out", "whole"]].concat()).code, 0);
    killed_at(folder, (&words, "killed"), &[[0, 1, 2], [0, 2, 0]]);
    assert!(came_of(&folder.join("killed")) == came_of(&folder.join("whole")));
}

/// Names of files may be of any bytes.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_no_text_go_on_too() {
    use std::os::unix::ffi::OsStringExt;

    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join(OsString::from_vec(b"work\xff".to_vec()));
    fs::create_dir(&inside).unwrap();
    people(&inside);
    let [table, out] =
        [&b"people\xff.csv"[..], b"finished\xff"].map(|name| OsString::from_vec(name.to_vec()));
    fs::rename(inside.join("people.csv"), inside.join(&table)).unwrap();
    let run = |words: &[&str], paths: &[&OsString]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("defrost"));
        command.current_dir(&inside).env("XDG_CACHE_HOME", inside.join("cache")).args(words).args(paths);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let words = ["train", "--label-column=group", "--epochs=200", "--batch=4", "--checkpoint-seconds=0"];
    let child = run(&words, &[&table, &"--out".into(), &out]);
    let mut child = wait_for(child, &inside.join(&out), [0, 1, 0]);
    child.kill().unwrap();
    ended(child);
    let ran = ended(run(&["train", "--json", "--resume"], &[&out]));
    assert_eq!(ran.json()["epochs"].as_array().unwrap().len(), 200);
    assert!(inside.join(&out).join("bundle.json").exists() && ran.stderr.contains(" goes on in epoch "));
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[test]
fn what_is_stopped_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 8);
    assert_eq!(defrost_in(folder, &[&IMAGES[..], &["--out", "whole"]].concat()).code, 0);
    for (name, moment) in [("INT", [0, 1, 0]), ("TERM", [1, 0, 1])] {
        let run = folder.join(name);
        let child = start(folder, &[&IMAGES[..], &["--out", name]].concat());
        let child = wait_for(child, &run, moment);
        signal(&child, name);
        let ran = ended(child);
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        let expected = format!("interrupted; `defrost train --resume {name}` continues the run");
        assert!(ran.stderr.trim_end().ends_with(&expected), "{}", ran.stderr);
        assert!(!run.join("bundle.json").exists());

        // From elsewhere: the command's paths are those of the folder it was given in.
        let elsewhere = tempfile::tempdir_in(folder).unwrap();
        let ran = defrost_in(elsewhere.path(), &["train", "--resume", &format!("../{name}"), "--json"]);
        assert_eq!(ran.json()["epochs"].as_array().unwrap().len(), 4);
        assert!(ran.stderr.contains(" goes on in epoch "), "{}", ran.stderr);
        assert!(came_of(&run) == came_of(&folder.join("whole")), "{name}");
    }
}

#[test]
fn another_run_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let data = two_classes(folder, 8);
    let child = start(folder, &[&IMAGES[..], &["--out", "run"]].concat());
    let mut child = wait_for(child, &folder.join("run"), [0, 1, 0]);
    child.kill().unwrap();
    ended(child);
    let resume = |words: &[&str]| defrost_in(folder, &[&["train", "--resume", "run"], words].concat());

    let differ = "--resume: a run goes on as it began: --norm batch, and keep when the run began; --size 64, and 32 when the \
                  run began; leave these out, or start a new run";
    assert_eq!(resume(&["--norm", "batch", "--size", "64", "--batch", "4"]).usage_error(), differ);
    let differ = "--resume: a run goes on as it began: DATA run, and data when the run began; leave these out, or start a \
                  new run";
    assert_eq!(resume(&["run"]).usage_error(), differ);
    let other = "--out run: there is an unfinished run in it; `defrost train --resume run` goes on with it; else choose \
                 another folder or remove it";
    assert_eq!(defrost_in(folder, &[&IMAGES[..], &["--out", "run"]].concat()).usage_error(), other);

    let manifest = folder.join("run/checkpoint/checkpoint.json");
    let whole = fs::read(&manifest).unwrap();
    fs::write(&manifest, &whole[..whole.len() / 2]).unwrap();
    let damaged = "run/checkpoint/checkpoint.json: the checkpoint is damaged: ";
    assert!(resume(&[]).usage_error().starts_with(damaged));
    fs::write(&manifest, whole).unwrap();

    image(&data.join("red/extra.png"), [200, 40, 30], 3);
    let ran = resume(&["./data"]);
    let changed = "--resume: the run began otherwise and would end with other weights: training items: 14 (";
    assert!(ran.usage_error().starts_with(changed), "{}", ran.stderr);
    assert!(ran.usage_error().ends_with("\n  help: --resume-anyway goes on nevertheless"), "{}", ran.stderr);
    assert_eq!(resume(&["--resume-anyway"]).code, 0);

    let finished = "--resume run: the run is finished; there is nothing to go on with";
    assert_eq!(resume(&[]).usage_error(), finished);
    let none =
        "--resume data: there is no checkpoint in it; start the run again, or name another run's folder";
    assert_eq!(defrost_in(folder, &["train", "--resume", "data"]).usage_error(), none);
    let nowhere = "--resume nowhere: no such folder";
    assert_eq!(defrost_in(folder, &["train", "--resume", "nowhere"]).usage_error(), nowhere);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_stops_a_run_unless_that_is_ignored() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words =
        ["train", "people.csv", "--label-column=group", "--epochs=40", "--batch=4", "--checkpoint-seconds=0"];
    assert_eq!(defrost_in(folder, &[&words[..], &["--out", "whole"]].concat()).code, 0);
    for (name, number) in [("HUP", 1), ("QUIT", 3)] {
        if ignored >> (number - 1) & 1 == 1 {
            println!("skipped: SIG{name} is ignored here, and so it is by the commands that start here");
            continue;
        }
        let child = start(folder, &[&words[..], &["--out", name]].concat());
        let child = wait_for(child, &folder.join(name), [0, 1, 0]);
        signal(&child, name);
        let ran = ended(child);
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("interrupted; `defrost train --resume {name}`")),
            "{}",
            ran.stderr
        );
        assert_eq!(defrost_in(folder, &["train", "--resume", name]).code, 0);
        assert!(came_of(&folder.join(name)) == came_of(&folder.join("whole")));
    }
    // As under nohup.
    let script = format!(
        "trap '' HUP; exec {} {} --out nohup",
        assert_cmd::cargo::cargo_bin("defrost").display(),
        words.join(" ")
    );
    let mut command = Command::new("sh");
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(["-c", &script]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let child = wait_for(child, &folder.join("nohup"), [0, 1, 0]);
    signal(&child, "HUP");
    assert_eq!(ended(child).code, 0);
}

#[cfg(unix)]
#[test]
fn data_that_was_moved_is_refused_until_its_path_leads_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = [&ROWS[..], &["--batch", "4", "--checkpoint-seconds", "0"]].concat();
    assert_eq!(defrost_in(folder, &[&words[..], &["--out", "whole"]].concat()).code, 0);
    let child = start(folder, &[&words[..], &["--out", "run"]].concat());
    let mut child = wait_for(child, &folder.join("run"), [0, 1, 0]);
    child.kill().unwrap();
    ended(child);
    fs::create_dir(folder.join("elsewhere")).unwrap();
    fs::rename(folder.join("people.csv"), folder.join("elsewhere/people.csv")).unwrap();
    let refused = defrost_in(folder, &["train", "--resume", "run"]);
    assert!(refused.usage_error().starts_with("people.csv: "), "{}", refused.stderr);
    std::os::unix::fs::symlink("elsewhere/people.csv", folder.join("people.csv")).unwrap();
    let ran = defrost_in(folder, &["train", "--resume", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(came_of(&folder.join("run")) == came_of(&folder.join("whole")));
}

/// Starts [`IMAGES`] where no file may be larger than 40 MB: the network can be saved, but not with its averages and the
/// optimizer's.
#[cfg(target_os = "linux")]
fn start_on_a_full_disk(folder: &Path, out: &str) -> Option<Child> {
    let program = assert_cmd::cargo::cargo_bin("defrost");
    let words =
        format!("trap '' XFSZ; ulimit -f 80000; exec {} {} --out {out}", program.display(), IMAGES.join(" "));
    let mut command = Command::new("dash");
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(["-c", &words]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok();
    if child.is_none() {
        eprintln!("skipped: there is no dash to limit the size of files with");
    }
    child
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_keeping_and_not_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 8);
    assert_eq!(defrost_in(folder, &[&IMAGES[..], &["--out", "whole"]].concat()).code, 0);
    let Some(child) = start_on_a_full_disk(folder, "full") else { return };
    let ran = ended(child);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let warning = "warning: the checkpoint can't be written, and no further one is tried: full/checkpoint/";
    assert_eq!(ran.stderr.matches(warning).count(), 1, "{}", ran.stderr);
    assert!(came_of(&folder.join("full")) == came_of(&folder.join("whole")));

    // Killed after that, it goes on from the last checkpoint there was room for.
    let Some(mut child) = start_on_a_full_disk(folder, "killed") else { return };
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("warning: the checkpoint can't be written")));
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = defrost_in(folder, &["train", "--resume", "killed"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(came_of(&folder.join("killed")) == came_of(&folder.join("whole")));
}
