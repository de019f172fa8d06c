//! `defrost serve`: the same answers as `predict`, refusals that say why, and an end that loses nothing.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Server};
use crate::support::{defrost_in, two_classes};
use crate::tables;

/// A run on images in `folder/run`, and its images.
fn images(folder: &Path) -> Vec<String> {
    two_classes(folder, 10);
    let words =
        ["train", "data", "--size", "64", "--epochs", "1", "--lr", "5e-3", "--batch", "8", "--out", "run"];
    assert_eq!(defrost_in(folder, &words).code, 0);
    (0..8).map(|index| format!("data/{}/{:03}.png", ["blue", "red"][index % 2], index)).collect()
}

/// Asserts that the likeliest classes are the same, with the same probabilities.
#[track_caller]
fn assert_same(found: &Value, expected: &Value) {
    let of = |answer: &Value| -> Vec<(Value, f64)> {
        let top = answer["top"].as_array().unwrap_or_else(|| panic!("{answer}"));
        top.iter().map(|entry| (entry["class"].clone(), entry["probability"].as_f64().unwrap())).collect()
    };
    for ((class, found), (other, expected)) in of(found).into_iter().zip(of(expected)) {
        // Batches of other sizes add up in another order, in bf16 where the processor has it.
        assert!(class == other && (found - expected).abs() < 2e-3, "{class}: {found} and not {expected}");
    }
}

#[test]
fn images_are_answered_as_by_predict_however_many_ask() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = images(folder);
    let words: Vec<&str> =
        ["predict", "run", "--json"].into_iter().chain(images.iter().map(String::as_str)).collect();
    let expected = defrost_in(folder, &words).json();
    let server = Server::start(folder, "run", &[]);
    let files: Vec<Vec<u8>> = images.iter().map(|image| std::fs::read(folder.join(image)).unwrap()).collect();
    thread::scope(|scope| {
        for (file, expected) in files.iter().zip(expected.as_array().unwrap()) {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..5 {
                    let answer = server.predict("image/png", file);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    assert_same(&answer.json(), expected);
                }
            });
        }
    });

    // As a form sends it, with the file's name.
    let form = [
        b"--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nwords\r\n--x\r\nContent-Disposition: form-data; \
          name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n",
        &files[1][..],
        b"\r\n--x--\r\n",
    ]
    .concat();
    let answer = server.predict("multipart/form-data; boundary=x", &form).json();
    assert_eq!(answer["input"], "a.png");
    assert_same(&answer, &expected[1]);

    let answered = "defrost_requests_total{path=\"/predict\",status=\"200\"}";
    assert_eq!(server.counted(answered), 41.0);
    assert_eq!(server.counted("defrost_batch_size_sum"), 41.0);
    assert!(server.counted("defrost_batch_size_count") <= 41.0);
    assert_eq!(server.counted("defrost_request_duration_seconds_count{path=\"/predict\"}"), 41.0);
    assert_eq!(server.counted("defrost_queue_length"), 0.0);
    assert!(server.counted("process_resident_memory_bytes") > 1e6);
}

#[test]
fn an_image_is_explained_by_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = images(folder);
    let server = Server::start(folder, "run", &["--queue", "4"]);
    for image in &images[..2] {
        let file = std::fs::read(folder.join(image)).unwrap();
        let predicted = server.predict("image/png", &file).json();
        let explained = server.post("/explain", "image/png", &file);
        assert_eq!(explained.status, 200, "{explained:?}");
        let explained = explained.json();
        assert_same(&explained, &predicted);
        let heat = &explained["heat"];
        assert_eq!(heat["class"], explained["top"][0]["class"]);
        assert_eq!((&heat["height"], &heat["width"], &heat["fraction"]), (&json!(8), &json!(8), &json!(1.0)));
        let values: Vec<f64> =
            heat["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let highest = values.iter().copied().fold(0.0, f64::max);
        assert!(values.len() == 64 && [0.0, 1.0].contains(&highest), "{values:?}");
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)), "{values:?}");
    }
    let refused = server.post("/explain", "image/png", b"no image").refusal();
    assert_eq!(refused, (422, "not an image (JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or PNM)".to_owned()));
    assert_eq!(server.counted("defrost_requests_total{path=\"/explain\",status=\"200\"}"), 2.0);

    // A quarter of the queue is for explanations: several at once hold each other up, and no prediction.
    let file = std::fs::read(folder.join(&images[0])).unwrap();
    until_full(&server, "/explain", &file);
    assert_eq!(server.predict("image/png", &file).status, 200);
}

/// Sends an image again and again, eight times at once, until one finds the queue full.
fn until_full(server: &Server, path: &str, file: &[u8]) -> Answer {
    let refused = Mutex::new(None);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while refused.lock().unwrap().is_none() && started.elapsed() < Duration::from_secs(60) {
                    let answer = server.post(path, "image/png", file);
                    if answer.status == 429 {
                        *refused.lock().unwrap() = Some(answer);
                    }
                }
            });
        }
    });
    refused.into_inner().unwrap().expect("the queue is never full")
}

/// What one client can do that sends nothing, or little, or too much.
#[test]
fn slow_and_long_requests_hold_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = images(folder);
    let file = std::fs::read(folder.join(&images[1])).unwrap();
    let server = Server::start(folder, "run", &["--queue", "4"]);
    let headers = [("Content-Type", "image/png"), ("Content-Length", "16000000")];
    let stalled: Vec<_> = (0..64)
        .map(|_| {
            let mut asking = server.begin("POST /predict", &headers);
            asking.send(&file[..20]);
            asking
        })
        .collect();
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.predict("image/png", &file).status, 200);
    }
    // A stalled request is refused after three seconds, so none of these has waited for one.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for asking in stalled {
        let (status, message) = asking.answer().refusal();
        let expected = "the body has not come within 30 s, or at less than 16 kB a second";
        assert_eq!((status, message.as_str()), (408, expected));
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());

    // Connections that send nothing: those beyond the limit are told so, and the others are closed some time later.
    let silent: Vec<_> = (0..600).map_while(|_| server.connect()).collect();
    let started = Instant::now();
    while server.try_get("/health").is_none_or(|answer| answer.status != 200) {
        assert!(started.elapsed() < Duration::from_secs(40), "silent connections are never closed");
        thread::sleep(Duration::from_millis(200));
    }
    drop(silent);
    assert_eq!(server.predict("image/png", &file).status, 200);

    // More bytes at once than there is room for: some are refused, and the memory is given back.
    let memory = || server.counted("process_resident_memory_bytes");
    let before = memory();
    let long = vec![0; 15 << 20];
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let answer = server.predict("image/png", &long);
                assert!([422, 429, 503].contains(&answer.status), "{answer:?}");
            });
        }
    });
    let most = memory();
    assert!(most < before + 500e6, "{before}, then {most}");
    let started = Instant::now();
    while memory() > before + 100e6 {
        assert!(started.elapsed() < Duration::from_secs(60), "{before}, {most}, and now {}", memory());
        thread::sleep(Duration::from_millis(500));
    }
    server.terminate();
    let ran = server.wait();
    assert_eq!(ran.stderr.matches("more are refused").count(), 1, "{}", ran.stderr);
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    images(folder);
    let server = Server::start(folder, "run", &["--body-limit", "1"]);
    let predict = |kind: &str, body: &[u8]| server.predict(kind, body).refusal();

    assert_eq!(
        predict("image/jpeg", b"no image"),
        (422, "not an image (JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or PNM)".to_owned())
    );
    assert_eq!(predict("image/png", b""), (422, "empty file".to_owned()));
    let whole = std::fs::read(folder.join("data/red/001.png")).unwrap();
    assert_eq!(predict("image/png", &whole[..whole.len() / 2]), (422, "PNG ends early".to_owned()));
    let (status, message) = predict("application/json", b"{\"text\": \"red\"}");
    assert!(
        status == 415 && message.starts_with("application/json is not read here: send an image"),
        "{message}"
    );
    let (status, message) = predict("multipart/form-data", b"x");
    assert!(status == 400 && message.contains("boundary"), "{message}");
    let form = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n";
    assert_eq!(
        predict("multipart/form-data; boundary=x", form),
        (422, "there is no file in the form; send the image as one".to_owned())
    );
    let too_long = "the request is longer than 1 MB; send a smaller file, or start the server with a larger --body-limit";
    assert_eq!(predict("image/png", &vec![0; (1 << 20) + 1]), (413, too_long.to_owned()));
    // Of unknown length.
    let headers = [("Content-Type", "image/png"), ("Transfer-Encoding", "chunked")];
    let mut asking = server.begin("POST /predict", &headers);
    asking.send(
        &[format!("{:x}\r\n", (1 << 20) + 1).as_bytes(), &vec![0; (1 << 20) + 1], b"\r\n0\r\n\r\n"].concat(),
    );
    assert_eq!(asking.answer().refusal(), (413, too_long.to_owned()));

    assert_eq!(server.get("/nothing", &[]).refusal().0, 404);
    assert_eq!(server.get("/predict", &[]).refusal().0, 405);
    assert_eq!(server.get("/health", &[("Host", "evil.example")]).refusal().0, 403);
    assert_eq!(server.get("/health", &[("Origin", "http://evil.example")]).refusal().0, 403);
    assert_eq!(server.get("/health", &[("Host", "localhost"), ("Origin", "http://localhost")]).status, 200);
    assert_eq!(server.counted("defrost_requests_total{path=\"/predict\",status=\"413\"}"), 2.0);
    assert_eq!(server.counted("defrost_requests_total{path=\"other\",status=\"404\"}"), 1.0);

    // After all this it still answers.
    assert_eq!(server.predict("image/png", &whole).json()["top"][0]["class"], "red");
    let page = server.get("/", &[]);
    assert!(page.body.contains("<title>defrost</title>"));
    assert!(
        page.headers.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{}",
        page.headers
    );
    for (path, kind) in
        [("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/report.css", "text/css")]
    {
        let file = server.get(path, &[]);
        assert!(
            file.status == 200 && file.headers.contains(&format!("content-type: {kind}")),
            "{}",
            file.headers
        );
    }
    let model = server.get("/model", &[]).json();
    let expected = json!({ "name": "run", "task": "vision", "arch": "efficientnet_lite0", "classes": ["blue", "red"],
        "form": { "kind": "image", "heat": true }, "report": "/report" });
    assert_eq!(model, expected);
}

#[test]
fn who_finds_the_queue_full_is_told_to_come_back_and_who_is_in_it_is_answered_even_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = images(folder);
    let file = std::fs::read(folder.join(&images[1])).unwrap();
    let server = Server::start(folder, "run", &["--queue", "1"]);
    let length = file.len().to_string();
    let refused = until_full(&server, "/predict", &file);
    assert!(refused.headers.contains("retry-after: 1"), "{}", refused.headers);
    assert_eq!(refused.refusal().1, "1 requests are waiting already; ask again in a second");

    let mut first =
        server.begin("POST /predict", &[("Content-Type", "image/png"), ("Content-Length", &length)]);
    first.send(&file[..20]);
    thread::sleep(Duration::from_millis(300));
    server.terminate();
    thread::sleep(Duration::from_millis(300));
    first.send(&file[20..]);
    let answer = first.answer();
    assert_eq!((answer.status, &answer.json()["top"][0]["class"]), (200, &json!("red")));
    let ran = server.wait();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("run answers at http://127.0.0.1:"), "{}", ran.stderr);
}

#[test]
fn texts_and_rows_are_answered_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tables::tiny(folder);
    tables::reviews(folder);
    tables::people(folder);
    tables::run(
        folder,
        "train reviews.csv --valid valid.csv --weights tiny --max-tokens 40 --epochs 2 --batch 8 --out texts --json",
    );
    tables::run(folder, "train people.csv --label-column group --ignore pay --epochs 3 --out rows --json");
    tables::run(folder, "train people.csv --label-column pay --ignore group --epochs 1 --out numbers --json");
    let send = |server: &Server, body: Value| server.predict("application/json", body.to_string().as_bytes());

    let server = Server::start(folder, "texts", &[]);
    let texts = ["the tea is bad", "the very very very good tea is the tea in the cup"];
    let expected = defrost_in(folder, &["predict", "texts", texts[0], texts[1], "--json"]).json();
    for (text, expected) in texts.iter().zip(expected.as_array().unwrap()) {
        let answer = send(&server, json!({ "text": text })).json();
        assert_eq!(answer["input"], expected["input"]);
        assert_same(&answer, expected);
    }
    assert_eq!(send(&server, json!({ "text": " " })).refusal(), (422, "the text is empty".to_owned()));
    let none = "there is no text; send {\"text\": \"…\"}";
    assert_eq!(send(&server, json!({ "words": "tea" })).refusal(), (422, none.to_owned()));
    assert_eq!(send(&server, json!(["tea"])).refusal().0, 422);
    let (status, message) = server.predict("application/json", b"{\"text\": ").refusal();
    assert!(status == 400 && message.starts_with("the body is not valid JSON: EOF"), "{message}");
    let (status, message) = server.post("/explain", "application/json", b"{\"text\": \"tea\"}").refusal();
    assert_eq!((status, message.as_str()), (422, "only images have a map of where the network looks"));
    // A text is read as far as the network does, so a long one is answered as soon as a short one.
    let long = "the tea is good ".repeat(50_000);
    let started = Instant::now();
    let answer = send(&server, json!({ "text": long })).json();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_same(&answer, &send(&server, json!({ "text": "the tea is good ".repeat(20) })).json());
    let (status, message) = send(&server, json!({ "text": "the tea is good ".repeat(70_000) })).refusal();
    let expected = "the request is longer than 1 MB; that is the most JSON that is read here; send a shorter text, or give it \
                    to `defrost predict` in a file";
    assert_eq!((status, message.as_str()), (413, expected));
    let plain = "text/plain is not read here: send JSON as application/json";
    assert_eq!(server.predict("text/plain", b"tea").refusal(), (415, plain.to_owned()));

    let server = Server::start(folder, "rows", &[]);
    let form = server.get("/model", &[]).json()["form"].clone();
    let names: Vec<&Value> = form["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["job", "age", "start date"]);
    std::fs::write(folder.join("one.csv"), "job,age,start date\nclerk,44,2024-03-11\n").unwrap();
    let expected = &tables::run(folder, "predict rows one.csv --json")[0];
    let row = json!({ "job": "clerk", "age": 44, "start date": "2024-03-11", "pay": null });
    let answer = send(&server, json!({ "row": row })).json();
    assert_eq!(answer["input"], "row");
    assert_same(&answer, expected);
    let refused =
        send(&server, json!({ "row": { "job": "clerk", "age": "old", "start date": "" } })).refusal();
    assert_eq!(refused, (422, "column `age` holds numbers, and this is `old`".to_owned()));
    assert_eq!(send(&server, json!({ "row": { "job": "clerk" } })).refusal().0, 422);
    assert_eq!(send(&server, json!({ "row": { "job": [1] } })).refusal().0, 422);

    let server = Server::start(folder, "numbers", &[]);
    std::fs::write(folder.join("one.csv"), "job,age,start date\nclerk,44,2024-03-11\n").unwrap();
    let expected = &tables::run(folder, "predict numbers one.csv --json")[0]["number"];
    let found =
        send(&server, json!({ "row": { "job": "clerk", "age": 44.0, "start date": "2024-03-11" } })).json();
    let (found, expected) = (found["number"].as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} and not {expected}");
}

#[test]
fn an_address_that_can_not_be_had_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tables::people(folder);
    tables::run(folder, "train people.csv --label-column group --epochs 1 --out run --json");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = defrost_in(folder, &["serve", "run", "--port", &port]);
    let expected = format!("--host 127.0.0.1 --port {port}: nothing can listen there: ");
    assert!(ran.usage_error().starts_with(&expected), "{}", ran.stderr);
    assert!(defrost_in(folder, &["serve", "data"]).usage_error().contains("not a finished run"));
}
