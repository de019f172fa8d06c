//! A running `defrost serve` or `train --live`, and asking it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, ended, start};

/// A server; it is killed when this is dropped.
pub struct Server {
    child: Option<Child>,
    address: String,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The message of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap().to_owned())
    }
}

/// A request of which something is still to be sent.
pub struct Asking(TcpStream);

impl Asking {
    /// Sends more. A server that has refused already need not listen.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    #[track_caller]
    pub fn answer(mut self) -> Answer {
        let mut bytes = vec![];
        self.0.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: headers.to_lowercase(), body: body.to_owned() }
    }
}

/// What a live page is told, as it comes.
pub struct Events(BufReader<TcpStream>);

impl Iterator for Events {
    type Item = (String, Value);

    /// The next event's name and content; nothing when there is no more to come.
    fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", given)) => given.clone_into(&mut name),
                Some(("data", content)) => return Some((name, serde_json::from_str(content).unwrap())),
                _ => {}
            }
        }
    }
}

impl Events {
    /// The content of the next event for which this is true.
    #[track_caller]
    pub fn until(&mut self, is_it: impl Fn(&str, &Value) -> bool) -> Value {
        let found = self.find(|(name, content)| is_it(name, content));
        found.unwrap_or_else(|| panic!("the events ended before")).1
    }
}

impl Server {
    /// Trains with a live page at a free port.
    #[track_caller]
    pub fn live(folder: &Path, words: &[&str]) -> Self {
        Self::watched(start(folder, &[words, &["--live=0"]].concat()))
    }

    /// The same where the process may have this many files open.
    #[track_caller]
    pub fn live_with(folder: &Path, words: &[&str], files: usize) -> Self {
        let script = format!("ulimit -n {files}; exec \"$0\" \"$@\" --live=0");
        let mut command = Command::new("sh");
        command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(["-c", &script]);
        command.arg(assert_cmd::cargo::cargo_bin("defrost")).args(words);
        Self::watched(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    #[track_caller]
    fn watched(mut child: Child) -> Self {
        // No further than to the end of that line: the rest is for who waits for the end.
        let mut stderr = BufReader::with_capacity(1, child.stderr.as_mut().unwrap());
        let mut line = String::new();
        while !line.starts_with("live: ") {
            line.clear();
            if stderr.read_line(&mut line).unwrap() == 0 {
                break;
            }
        }
        match line.trim_end().strip_prefix("live: http://") {
            Some(address) => Self { child: Some(child), address: address.to_owned() },
            None => panic!("there is no live page: {:?}", ended(child).code),
        }
    }

    /// Watches from now on.
    #[track_caller]
    pub fn events(&self) -> Events {
        let Asking(stream) = self.begin("GET /events", &[]);
        Events(BufReader::new(stream))
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Serves a run at a free port.
    #[track_caller]
    pub fn start(folder: &Path, run: &str, words: &[&str]) -> Self {
        let mut child = start(folder, &[&["serve", run, "--port", "0", "--json"], words].concat());
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Ok(said) = serde_json::from_str::<Value>(&line) else { panic!("{}", ended(child).stderr) };
        let address = said["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child: Some(child), address }
    }

    /// Begins a request: its first line and headers, besides those that every request has.
    #[track_caller]
    pub fn begin(&self, line: &str, headers: &[(&str, &str)]) -> Asking {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let host = match headers.iter().any(|(name, _)| *name == "Host") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.address),
        };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut asking = Asking(stream);
        asking.send(format!("{line} HTTP/1.1\r\nConnection: close\r\n{host}{headers}\r\n").as_bytes());
        asking
    }

    /// A connection over which nothing is sent.
    pub fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(&self.address).ok()
    }

    /// The answer to a request, unless the connection is refused.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (headers, body) = text.split_once("\r\n\r\n")?;
        let status = headers.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, headers: headers.to_lowercase(), body: body.to_owned() })
    }

    #[track_caller]
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.begin(&format!("GET {path}"), headers).answer()
    }

    /// Asks for a prediction.
    #[track_caller]
    pub fn predict(&self, kind: &str, body: &[u8]) -> Answer {
        self.post("/predict", kind, body)
    }

    /// Sends something.
    #[track_caller]
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        let length = body.len().to_string();
        let headers = [("Content-Type", kind), ("Content-Length", &length)];
        let mut asking = self.begin(&format!("POST {path}"), &headers);
        asking.send(body);
        asking.answer()
    }

    /// How often something was counted, 0 if it never was.
    #[track_caller]
    pub fn counted(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics", &[]).body;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().unwrap())
    }

    /// Tells it to stop.
    pub fn terminate(&self) {
        let id = self.process().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ran {
        ended(self.child.take().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
