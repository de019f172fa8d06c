//! Downloads from a stand-in for the hub on this machine, which can be told to misbehave.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use defrost::data::Fingerprint;
use defrost::weights::hub::{Downloads, Hub, HubError};
use sha1::{Digest, Sha1};

const REPOSITORY: &str = "owner/network";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How a request goes wrong.
#[derive(Clone, Copy)]
enum Trouble {
    /// It is answered with this status.
    Status(u16),
    /// The connection ends in the middle.
    Cut,
    /// Half of it comes as if it were all.
    Short,
    /// A byte is another one.
    Wrong,
    /// The whole comes where the rest was asked for.
    FromTheStart,
    /// Half of it comes, and then nothing for a second.
    Silence,
}

#[derive(Default)]
struct State {
    /// Content and hash by name.
    files: HashMap<String, (Vec<u8>, String)>,
    /// What happens to the next requests for a file's description.
    described: VecDeque<Trouble>,
    /// What happens to the next requests for its content.
    sent: VecDeque<Trouble>,
    requests: usize,
    /// The headers that came.
    headers: String,
}

struct StandIn {
    address: String,
    state: Arc<Mutex<State>>,
}

impl StandIn {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that has gone is its own business.
                let _ = answer(stream, &mut shared.lock().unwrap());
            }
        });
        let hub = Self { address, state };
        hub.put("model.safetensors", &(0..5000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
        let config = b"{\"architecture\": \"small\"}";
        let object = Sha1::new_with_prefix(format!("blob {}\0", config.len())).chain_update(config);
        let hash = object.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        hub.state.lock().unwrap().files.insert("config.json".to_owned(), (config.to_vec(), hash));
        hub
    }

    fn put(&self, name: &str, content: &[u8]) {
        let hash = Fingerprint::sha256(content).to_string();
        self.state.lock().unwrap().files.insert(name.to_owned(), (content.to_vec(), hash));
    }

    fn hub(&self, cache: &Path, offline: bool) -> Hub {
        let token = Some("secret".to_owned());
        let hub = Hub::new(cache.to_owned(), Some(self.address.clone()), token, offline).unwrap();
        hub.waiting(Duration::from_millis(1))
    }

    fn content(&self, name: &str) -> Vec<u8> {
        self.state.lock().unwrap().files[name].0.clone()
    }

    fn requests(&self) -> usize {
        self.state.lock().unwrap().requests
    }

    /// Downloads the weights, with these troubles; what was retried, and what came of it.
    fn after(&self, described: &[Trouble], sent: &[Trouble]) -> (Vec<String>, Result<Vec<u8>, HubError>) {
        let cache = tempfile::tempdir().unwrap();
        {
            let mut state = self.state.lock().unwrap();
            state.described.extend(described);
            state.sent.extend(sent);
        }
        let mut retries = Retries::default();
        let folder = self.hub(cache.path(), false).folder(REPOSITORY, FILES, &[], &mut retries);
        let read = folder.map(|folder| fs::read(folder.join("model.safetensors")).unwrap());
        (retries.0, read)
    }
}

fn answer(stream: TcpStream, state: &mut State) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    state.requests += 1;
    state.headers = headers.join("\n");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let range =
        headers.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let range = range.unwrap_or_else(|| "0-".to_owned());
    let described = range == "0-0";
    let trouble = if described { state.described.pop_front() } else { state.sent.pop_front() };
    let mut stream = &stream;
    if let Some(Trouble::Status(status)) = trouble {
        return write!(stream, "HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let name = path.strip_prefix(&format!("/{REPOSITORY}/resolve/main/")).unwrap_or_default();
    let Some((content, hash)) = state.files.get(name) else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let (start, end) = range.split_once('-').unwrap();
    let start: usize =
        if matches!(trouble, Some(Trouble::FromTheStart)) { 0 } else { start.parse().unwrap() };
    let end = end.parse().map_or(content.len(), |end: usize| end + 1);
    let mut body = content.get(start..end).unwrap_or_default().to_vec();
    let mut length = body.len();
    match trouble {
        Some(Trouble::Cut) => body.truncate(length / 2),
        Some(Trouble::Short) => {
            body.truncate(length / 2);
            length = body.len();
        }
        Some(Trouble::Wrong) => body[length / 2] ^= 1,
        _ => {}
    }
    let silent = matches!(trouble, Some(Trouble::Silence));
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nETag: \"{hash}\"\r\nX-Repo-Commit: {COMMIT}\r\n\
         Content-Range: bytes {start}-{}/{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        end.saturating_sub(1),
        content.len(),
    )?;
    let (first, rest) = body.split_at(if silent { body.len() / 2 } else { body.len() });
    stream.write_all(first)?;
    if silent {
        std::thread::sleep(Duration::from_secs(1));
    }
    stream.write_all(rest)
}

const FILES: &[&[&str]] = &[&["model.safetensors", "pytorch_model.bin"]];

/// Notes what is retried.
#[derive(Default)]
struct Retries(Vec<String>);

impl Downloads for Retries {
    fn started(&mut self, _: &str, _: usize) {}
    fn received(&mut self, _: usize) {}
    fn retried(&mut self, file: &str, reason: &str) {
        self.0.push(format!("{file}: {reason}"));
    }
    fn ended(&mut self) {}
}

#[test]
fn what_is_downloaded_is_there_offline() {
    let (server, cache) = (StandIn::new(), tempfile::tempdir().unwrap());
    let get = |offline, retries: &mut Retries| {
        server.hub(cache.path(), offline).folder(REPOSITORY, FILES, &["config.json", "missing.json"], retries)
    };
    let mut retries = Retries::default();
    let message = get(true, &mut retries).unwrap_err().to_string();
    assert!(message.starts_with("owner/network: there is no model.safetensors of it in "), "{message}");
    assert_eq!(server.requests(), 0);

    let folder = get(false, &mut retries).unwrap();
    for name in ["model.safetensors", "config.json"] {
        assert_eq!(fs::read(folder.join(name)).unwrap(), server.content(name), "{name}");
    }
    assert_eq!(retries.0, [""; 0]);
    let requests = server.requests();
    assert_eq!(get(true, &mut retries).unwrap(), folder);
    assert_eq!(server.requests(), requests);

    // Damaged in the cache: refused offline, and else downloaded again.
    for name in ["model.safetensors", "config.json"] {
        let mut bytes = server.content(name);
        bytes[3] ^= 1;
        fs::write(folder.join(name).canonicalize().unwrap(), bytes).unwrap();
        if name == "model.safetensors" {
            let damaged = get(true, &mut retries).unwrap_err();
            assert!(matches!(damaged, HubError::Damaged { .. }), "{damaged}");
        }
        get(false, &mut retries).unwrap();
        assert_eq!(fs::read(folder.join(name)).unwrap(), server.content(name), "{name}");
    }
}

#[test]
fn troubles_that_pass() {
    let server = StandIn::new();
    let content = server.content("model.safetensors");
    let cases: [(&[Trouble], &[Trouble], usize); 8] = [
        (&[Trouble::Status(500)], &[], 1),
        (&[Trouble::Status(503), Trouble::Status(429), Trouble::Status(500)], &[], 3),
        (&[], &[Trouble::Status(502)], 1),
        (&[], &[Trouble::Cut], 1),
        (&[], &[Trouble::Cut, Trouble::Cut, Trouble::Cut], 3),
        (&[], &[Trouble::Short], 1),
        (&[], &[Trouble::Wrong], 1),
        (&[], &[Trouble::Cut, Trouble::FromTheStart], 2),
    ];
    for (described, sent, expected) in cases {
        let (retries, read) = server.after(described, sent);
        assert_eq!(read.unwrap(), content);
        assert_eq!(retries.len(), expected, "{retries:?}");
    }
}

#[test]
fn troubles_that_stay() {
    let server = StandIn::new();
    let (retries, read) = server.after(&[], &[Trouble::Wrong; 4]);
    assert_eq!(retries.len(), 3);
    let message = read.unwrap_err().to_string();
    assert!(message.contains("it is damaged: its hash is "), "{message}");

    let (_, read) = server.after(&[Trouble::Status(500); 4], &[]);
    let message = read.unwrap_err().to_string();
    assert!(message.starts_with("owner/network: model.safetensors can't be downloaded: "), "{message}");
    assert!(message.contains("500"), "{message}");

    let (retries, read) = server.after(&[Trouble::Status(401)], &[]);
    assert_eq!(retries.len(), 0);
    assert!(matches!(read, Err(HubError::Denied(_))));
    // No message has the token, which was sent.
    assert!(!read.unwrap_err().to_string().contains("secret"));
    assert!(server.state.lock().unwrap().headers.contains("Bearer secret"));
    let cache = tempfile::tempdir().unwrap();
    assert_eq!(format!("{:?}", server.hub(cache.path(), false)), "Hub { offline: false, .. }");
}

#[test]
fn nobody_waits_for_a_hub_that_falls_silent() {
    for (described, sent) in [(vec![Trouble::Silence], vec![]), (vec![], vec![Trouble::Silence])] {
        let (server, cache) = (StandIn::new(), tempfile::tempdir().unwrap());
        let content = server.content("model.safetensors");
        {
            let mut state = server.state.lock().unwrap();
            state.described.extend(described);
            state.sent.extend(sent);
        }
        let hub = server.hub(cache.path(), false).patient(Duration::from_millis(250));
        let mut retries = Retries::default();
        let error = hub.folder(REPOSITORY, FILES, &[], &mut retries).unwrap_err().to_string();
        assert_eq!(
            error,
            "owner/network: no data of model.safetensors arrived for 0.25 s; start again, and the download continues"
        );
        assert_eq!(retries.0.len(), 0);
        // Once the hub is back, and the old question has come to its end.
        std::thread::sleep(Duration::from_secs(2));
        let folder = hub.folder(REPOSITORY, FILES, &[], &mut retries).unwrap();
        assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), content);
    }
}

#[test]
fn what_is_missing_is_told_at_once() {
    let (server, cache) = (StandIn::new(), tempfile::tempdir().unwrap());
    let hub = server.hub(cache.path(), false);
    let mut retries = Retries::default();
    let missing = hub.folder(REPOSITORY, &[&["nothing.bin"]], &[], &mut retries).unwrap_err();
    assert_eq!(missing.to_string(), "owner/network: the hub has no nothing.bin of it, or no such repository");
    assert_eq!((retries.0.len(), server.requests()), (0, 1));
    // The second name is as good as the first.
    server.put("pytorch_model.bin", b"content");
    server.state.lock().unwrap().files.remove("model.safetensors");
    let folder = hub.folder(REPOSITORY, FILES, &[], &mut retries).unwrap();
    assert_eq!(fs::read(folder.join("pytorch_model.bin")).unwrap(), b"content");

    for name in ["a/b/c", "../x", "", "a b", "owner/../x", "/etc"] {
        assert!(matches!(hub.folder(name, FILES, &[], &mut retries), Err(HubError::Name(_))), "{name}");
    }
}

#[test]
fn a_hub_that_names_files_outside_the_cache_is_refused() {
    let (server, cache) = (StandIn::new(), tempfile::tempdir().unwrap());
    let outside = cache.path().join("outside");
    let hash = format!("/{}", outside.display());
    server.state.lock().unwrap().files.insert("model.safetensors".to_owned(), (b"x".to_vec(), hash));
    let hub = server.hub(&cache.path().join("cache"), false);
    let error = hub.folder(REPOSITORY, FILES, &[], &mut Retries::default()).unwrap_err().to_string();
    assert!(error.contains("is no name for a file in the cache"), "{error}");
    assert!(!outside.exists());
}
