//! `defrost train --live`: what the page is told, who may ask for what, and that nothing else comes of a run.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Server;
use crate::support::{defrost_in, people};

/// A run of many short epochs.
fn words(out: &str) -> Vec<&str> {
    "train people.csv --label-column group --epochs 300 --batch 4 --out".split(' ').chain([out]).collect()
}

/// Starts a run that pauses soon: after its first batch, unless it is faster than the question.
#[track_caller]
fn paused(folder: &Path, words: &[&str]) -> Server {
    let server = Server::live(folder, words);
    assert_eq!(ask(&server, "/pause"), json!({ "step": "pausing" }));
    let state = server.events().until(|name, state| name == "state" && state["step"] == "paused");
    let mut batch = state["batch"].clone();
    assert!(batch["loss"].take().as_f64().unwrap() > 0.0);
    let [epoch, number] = ["epoch", "batch"].map(|count| batch[count].take().as_u64().unwrap());
    assert!((1..300).contains(&epoch) && (1..=12).contains(&number), "epoch {epoch}, batch {number}");
    assert_eq!(batch, json!({ "epoch": null, "epochs": 300, "batch": null, "batches": 12, "loss": null }));
    server
}

#[track_caller]
fn ask(server: &Server, path: &str) -> Value {
    let answer = post(server, path, &[("Content-Type", "application/json")]);
    assert_eq!(answer.0, 200, "{answer:?}");
    answer.1
}

#[track_caller]
fn post(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let headers = [headers, &[("Content-Length", "0")]].concat();
    let answer = server.begin(&format!("POST {path}"), &headers).answer();
    (answer.status, answer.json())
}

/// How much of the run is done, as somebody is told who comes now.
#[track_caller]
fn done(server: &Server) -> f64 {
    server.events().until(|name, _| name == "state")["done"].as_f64().unwrap()
}

/// Seconds of all cores that a process has taken.
fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // In hundredths, by programs and for them.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

#[test]
fn a_run_is_watched_paused_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let server = paused(folder, &words("run"));

    let page = server.get("/", &[]);
    assert!(page.body.contains("id=\"stop\"") && page.headers.contains("default-src 'none'"), "{page:?}");
    for (path, kind) in
        [("/report.css", "text/css"), ("/live.css", "text/css"), ("/live.js", "text/javascript")]
    {
        let file = server.get(path, &[]);
        assert!(file.status == 200 && file.headers.contains(kind), "{path}: {}", file.headers);
    }
    let mut events = server.events();
    let report = events.until(|name, _| name == "report");
    let report = report.as_str().unwrap();
    assert!(report.contains("people.csv</h1>") && report.contains("running now: "), "{report}");
    let batches = events.until(|name, _| name == "batches");
    assert!(batches["svg"].as_str().unwrap().starts_with("<svg"), "{batches}");

    // While it is paused nothing is done, by no thread.
    let (before, taken) = (done(&server), processor_seconds(server.process()));
    sleep(Duration::from_secs(1));
    let taken = processor_seconds(server.process()) - taken;
    assert!(taken < 0.3, "{taken} s of a processor in a second of pause");
    assert_eq!(done(&server), before);

    // Others than its own page and programs of this machine change nothing.
    let json = ("Content-Type", "application/json");
    assert_eq!(post(&server, "/resume", &[json, ("Host", "evil.example")]).0, 403);
    assert_eq!(post(&server, "/stop", &[json, ("Origin", "http://evil.example")]).0, 403);
    assert_eq!(post(&server, "/stop", &[json, ("Origin", "null")]).0, 403);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(post(&server, "/stop", &[("Content-Type", kind)]).0, 415);
    }
    assert_eq!(server.get("/stop", &[]).status, 405);
    assert_eq!(server.get("/events", &[("Host", "evil.example")]).status, 403);
    assert_eq!(server.get("/nothing", &[]).status, 404);
    assert_eq!(done(&server), before);

    assert_eq!(ask(&server, "/resume"), json!({ "step": "training" }));
    events.until(|name, state| name == "state" && state["done"].as_f64() > Some(before));
    events.until(|name, report| {
        name == "report" && report.as_str().unwrap().contains("Accuracy on validation")
    });
    ask(&server, "/pause");
    assert_eq!(ask(&server, "/stop"), json!({ "step": "stopping" }));
    let words = events.until(|name, _| name == "over");
    let expected = "Ended early: it was stopped on its live page. The best epoch is saved in run.";
    assert_eq!(words, expected);
    assert!(events.next().is_none(), "there is nothing after the end");
    let ran = server.wait();
    assert!(ran.code == 0 && ran.stdout.contains("saved: run after "), "{}{}", ran.stdout, ran.stderr);
    assert!(!folder.join("run/checkpoint").exists());

    let record: Value =
        serde_json::from_slice(&std::fs::read(folder.join("run/report.json")).unwrap()).unwrap();
    assert_eq!(record["report"]["state"]["ended_early"]["reason"], "it was stopped on its live page");
    assert!(record["report"]["epochs"].as_array().unwrap().len() < 300);
    assert_eq!(defrost_in(folder, &["predict", "run", "people.csv"]).code, 0);
}

#[test]
fn a_page_is_told_the_time_and_what_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let server = paused(folder, &words("run"));
    let mut events = server.events();
    let items = events.until(|name, _| name == "items");
    let items = items.as_array().unwrap();
    assert_eq!(items.len(), 6);
    for item in items {
        assert!(["older", "younger"].contains(&item["label"].as_str().unwrap()), "{item}");
        assert_eq!(item["preview"]["cells"][0][0], "age");
    }
    ask(&server, "/resume");
    let recent = events.until(|name, recent| name == "predictions" && !recent["before"].is_null());
    assert!(recent["epoch"].as_str().unwrap().starts_with("epoch "), "{recent}");
    for (place, item) in items.iter().enumerate() {
        let found = &recent["now"][place];
        assert_eq!(found["right"], found["said"] == item["label"], "{recent}");
        assert!((0.5..=1.0).contains(&found["probability"].as_f64().unwrap()), "{recent}");
    }
    let time =
        events.until(|name, state| name == "state" && !state["time"]["left"].is_null())["time"].clone();
    let words = time["words"].as_str().unwrap();
    assert!(time["elapsed"].as_f64() > Some(0.0) && words.ends_with(" left"), "{time}");
    ask(&server, "/stop");
    let saved = events.until(|name, _| name == "saved");
    assert_eq!(saved, json!({ "report": "run/report.html", "serve": "defrost serve run" }));
    assert_eq!(server.wait().code, 0);
}

#[test]
fn a_run_that_was_watched_paused_and_interrupted_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    assert_eq!(defrost_in(folder, &words("alone")).code, 0);
    let server = paused(folder, &words("watched"));
    let mut events = server.events();
    server.terminate();
    let said = events.until(|name, _| name == "over");
    let said = said.as_str().unwrap();
    assert!(said.contains("`defrost train --resume watched` continues"), "{said}");
    assert_eq!(server.wait().code, 130);

    let server = Server::live(folder, &["train", "--resume", "watched"]);
    let said = server.events().until(|name, _| name == "over");
    assert_eq!(said, "Finished, and saved in watched.");
    let ran = server.wait();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let weights = |run: &str| std::fs::read(folder.join(run).join("model.safetensors")).unwrap();
    assert!(weights("watched") == weights("alone"));
}

#[test]
fn a_place_that_can_not_be_had_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let live = format!("--live={}", taken.local_addr().unwrap().port());
    let ran = defrost_in(folder.path(), &[&words("run")[..], &[&live]].concat());
    let expected = format!("--live={}: nothing can listen there: ", taken.local_addr().unwrap());
    assert!(ran.usage_error().starts_with(&expected), "{}", ran.stderr);
    assert!(!folder.path().join("run").exists(), "nothing was begun");
    let ran = defrost_in(folder.path(), &[&words("run")[..], &["--live=here"]].concat());
    assert!(ran.stderr.contains("`here` is neither a port, as 8001, nor an address"), "{}", ran.stderr);
}

/// Files that a process may have open: few, so that watchers could take all of them.
#[cfg(target_os = "linux")]
#[test]
fn watchers_leave_files_for_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = [&words("run")[..], &["--checkpoint-seconds", "0"]].concat();
    let server = Server::live_with(folder, &words, 128);
    let silent: Vec<_> = (0..400).map_while(|_| server.connect()).collect();
    assert!(silent.len() > 100, "{}", silent.len());
    let ran = server.wait();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("the checkpoint can't be written"), "{}", ran.stderr);
    assert!(folder.join("run/bundle.json").exists() && folder.join("run/report.html").exists());
}

#[test]
fn a_few_pages_watch_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let server = paused(folder, &words("run"));
    let watching: Vec<_> = (0..16).map(|_| server.events()).collect();
    let refused = server.get("/events", &[]).refusal();
    assert_eq!(refused, (503, "16 pages show this run already; close one of them".to_owned()));
    drop(watching);
    ask(&server, "/stop");
    assert_eq!(server.wait().code, 0);
}
