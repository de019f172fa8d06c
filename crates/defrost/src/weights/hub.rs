//! Weights from the Hugging Face hub, kept in the hub's usual cache folder.
//!
//! The `hf-hub` crate speaks with the hub and knows the cache. This file adds offline use, retries, timeouts and
//! checksums. The cache names a file by its hash, which is compared with
//! the file each time it is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use sha1::{Digest, Sha1};
use thiserror::Error;

pub use super::Downloads;
use crate::data::Fingerprint;
use crate::files::{self, FileError};

/// How often something is tried.
const ATTEMPTS: u32 = 4;

/// How long to wait before the second attempt; before each further one it is twice as long.
const WAIT: Duration = Duration::from_millis(500);

/// How long nothing may come before a download is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files can't be downloaded from the hub.
#[derive(Debug, Error)]
pub enum HubError {
    /// No repository has this name.
    #[error("`{0}` is not a repository's name: write OWNER/NAME, or OWNER/NAME@REVISION")]
    Name(String),
    /// A file is not in the cache, and nothing may be downloaded.
    #[error("{repository}: there is no {file} of it in {}, and nothing is downloaded offline", cache.display())]
    Offline {
        /// Which repository.
        repository: String,
        /// The file.
        file: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// The repository or the file is not there.
    #[error("{repository}: the hub has no {file} of it, or no such repository")]
    Missing {
        /// Which repository.
        repository: String,
        /// The file.
        file: String,
    },
    /// The hub wants to know who asks.
    #[error("{0}: the hub gives it to those alone who may see it: log in with its own tool, or set HF_TOKEN")]
    Denied(String),
    /// It did not work.
    #[error("{repository}: {file} can't be downloaded: {reason}")]
    Failed {
        /// Which repository.
        repository: String,
        /// The file.
        file: String,
        /// The last error.
        reason: String,
    },
    /// Nothing came any more.
    #[error(
        "{repository}: no data of {file} arrived for {} s; start again, and the download continues", patience.as_secs_f64()
    )]
    Silent {
        /// Which repository.
        repository: String,
        /// The file.
        file: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// A file is not what the hub said it is.
    #[error("{}: it is damaged: its hash is {found} and should be {expected}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The hash it should have.
        expected: String,
    },
    /// The cache can't be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The hub, or its cache.
pub struct Hub {
    api: Api,
    cache: Cache,
    offline: bool,
    wait: Duration,
    patience: Duration,
}

/// A token may be in the rest.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("offline", &self.offline).finish_non_exhaustive()
    }
}

impl Hub {
    /// The hub as the environment names it: `HF_HOME` or `HF_HUB_CACHE` for the cache, `HF_ENDPOINT`, `HF_TOKEN`, and
    /// `HF_HUB_OFFLINE`, which is as good as `offline`.
    ///
    /// # Errors
    ///
    /// If no connection can be prepared.
    pub fn from_env(offline: bool) -> Result<Self, HubError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cache = set("HF_HUB_CACHE").map_or_else(Cache::from_env, |path| Cache::new(path.into()));
        let offline = offline || set("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value));
        let token = set("HF_TOKEN").or_else(|| cache.token());
        Self::new(cache.path().clone(), set("HF_ENDPOINT"), token, offline)
    }

    /// A hub with this cache folder, at this address.
    ///
    /// # Errors
    ///
    /// If no connection can be prepared.
    pub fn new(
        cache: PathBuf,
        endpoint: Option<String>,
        token: Option<String>,
        offline: bool,
    ) -> Result<Self, HubError> {
        let cache = Cache::new(cache);
        let mut builder = ApiBuilder::from_cache(cache.clone()).with_token(token);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let failed = |error: ApiError| HubError::Failed {
            repository: "the hub".to_owned(),
            file: "nothing".to_owned(),
            reason: error.to_string(),
        };
        Ok(Self { api: builder.build().map_err(failed)?, cache, offline, wait: WAIT, patience: PATIENCE })
    }

    /// The same hub, asked again after this time.
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The same hub, given up when nothing comes for this time.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The folder in which these files of a repository are, downloaded if they are not there yet. Of each list of names the first
    /// that the repository has is enough; of the optional ones none has to be.
    ///
    /// # Errors
    ///
    /// If a file is not there, can't be downloaded, or is damaged.
    pub fn folder(
        &self,
        repository: &str,
        files: &[&[&str]],
        optional: &[&str],
        downloads: &mut dyn Downloads,
    ) -> Result<PathBuf, HubError> {
        let repo = named(repository).ok_or_else(|| HubError::Name(repository.to_owned()))?;
        let mut source = Source { hub: self, repository, repo, downloads };
        // Twice, in case the repository changes meanwhile: files of one state are in one folder.
        for _ in 0..2 {
            let mut found = vec![];
            for names in files {
                found.push(source.first(names)?);
            }
            for name in optional {
                match source.file(name) {
                    Err(HubError::Missing { .. } | HubError::Offline { .. }) => {}
                    other => found.push(other?),
                }
            }
            let mut folders: Vec<&Path> = found.iter().filter_map(|path| path.parent()).collect();
            folders.dedup();
            if let [folder] = folders[..] {
                return Ok(folder.to_owned());
            }
        }
        Err(source.failed(files[0][0], "the repository changes while it is downloaded"))
    }
}

/// A repository to download files from.
struct Source<'a> {
    hub: &'a Hub,
    repository: &'a str,
    repo: Repo,
    downloads: &'a mut dyn Downloads,
}

impl Source<'_> {
    /// The first of these files that the repository has.
    fn first(&mut self, names: &[&str]) -> Result<PathBuf, HubError> {
        let mut first = None;
        for name in names {
            match self.file(name) {
                Err(missing @ (HubError::Missing { .. } | HubError::Offline { .. })) => {
                    first.get_or_insert(missing);
                }
                other => return other,
            }
        }
        Err(first.unwrap_or_else(|| HubError::Name(self.repository.to_owned())))
    }

    /// Where a file is in the cache, after a download if need be.
    fn file(&mut self, name: &str) -> Result<PathBuf, HubError> {
        if let Some(path) = self.hub.cache.repo(self.repo.clone()).get(name) {
            match check(&path) {
                Ok(()) => return Ok(path),
                Err(damaged @ HubError::Damaged { .. }) if !self.hub.offline => {
                    self.downloads.retried(name, &damaged.to_string());
                    discard(&path);
                }
                Err(error) => return Err(error),
            }
        }
        if self.hub.offline {
            return Err(HubError::Offline {
                repository: self.repository.to_owned(),
                file: name.to_owned(),
                cache: self.hub.cache.path().clone(),
            });
        }
        let mut wait = self.hub.wait;
        for _ in 1..ATTEMPTS {
            match self.download(name) {
                Ok(path) => return Ok(path),
                Err(error @ (HubError::Failed { .. } | HubError::Damaged { .. })) => {
                    self.downloads.retried(name, &error.to_string());
                    std::thread::sleep(wait);
                    wait *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        self.download(name)
    }

    fn download(&mut self, name: &str) -> Result<PathBuf, HubError> {
        let url = self.hub.api.repo(self.repo.clone()).url(name);
        let described = self.watched(name, move |api, _, _| api.metadata(&url))?;
        // What names files in the cache comes from the hub, and must not lead out of the cache.
        for word in [described.etag(), described.commit_hash()] {
            if !is_plain(word) {
                return Err(self.failed(name, &format!("`{word}` is no name for a file in the cache")));
            }
        }
        // A part that is as long as the whole can't be continued.
        let part = self.hub.cache.repo(self.repo.clone()).blob_path(described.etag()).with_extension("part");
        if std::fs::metadata(&part).is_ok_and(|part| part.len() >= described.size() as u64) {
            std::fs::remove_file(&part).map_err(FileError::at(&part))?;
        }
        let file = name.to_owned();
        let path = self.watched(name, move |api, repo, news| {
            api.repo(repo).download_with_progress(&file, Watched(news))
        })?;
        let length = std::fs::metadata(&path).map_err(FileError::at(&path))?.len();
        let whole = match length == described.size() as u64 {
            true => check(&path),
            false => Err(self.failed(name, &format!("{length} bytes came, not {}", described.size()))),
        };
        if whole.is_err() {
            discard(&path);
        }
        whole.map(|()| path)
    }

    /// Asks the hub something on a thread of its own, since `hf-hub` waits for ever: that thread is left behind when nothing
    /// comes any more.
    fn watched<T: Send + 'static>(
        &mut self,
        file: &str,
        ask: impl FnOnce(Api, Repo, Sender<News<T>>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, HubError> {
        let (tell, news) = mpsc::channel();
        let (api, repo) = (self.hub.api.clone(), self.repo.clone());
        thread::spawn(move || {
            let answer = ask(api, repo, tell.clone());
            // An error: the caller has stopped waiting.
            let _ = tell.send(News::Answer(answer));
        });
        loop {
            match news.recv_timeout(self.hub.patience) {
                Ok(News::Started(bytes)) => self.downloads.started(file, bytes),
                Ok(News::Received(bytes)) => self.downloads.received(bytes),
                Ok(News::Ended) => self.downloads.ended(),
                Ok(News::Answer(answer)) => return answer.map_err(|error| self.error(file, &error)),
                Err(RecvTimeoutError::Timeout) => {
                    let (repository, file) = (self.repository.to_owned(), file.to_owned());
                    return Err(HubError::Silent { repository, file, patience: self.hub.patience });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.failed(file, "the download has failed in itself"));
                }
            }
        }
    }

    fn failed(&self, file: &str, reason: &str) -> HubError {
        let (repository, reason) = (self.repository.to_owned(), reason.to_owned());
        HubError::Failed { repository, file: file.to_owned(), reason }
    }

    fn error(&self, file: &str, error: &ApiError) -> HubError {
        let status = match error {
            ApiError::RequestError(error) => match **error {
                ureq::Error::StatusCode(status) => Some(status),
                _ => None,
            },
            _ => None,
        };
        match status {
            Some(404) => HubError::Missing { repository: self.repository.to_owned(), file: file.to_owned() },
            Some(401 | 403) => HubError::Denied(self.repository.to_owned()),
            _ => self.failed(file, &error.to_string()),
        }
    }
}

/// Messages about a request to the hub.
enum News<T> {
    Started(usize),
    Received(usize),
    Ended,
    Answer(Result<T, ApiError>),
}

/// Passes on the messages of `hf-hub`, as long as there is a listener.
struct Watched<T>(Sender<News<T>>);

impl<T> hf_hub::api::Progress for Watched<T> {
    fn init(&mut self, size: usize, _filename: &str) {
        let _ = self.0.send(News::Started(size));
    }
    fn update(&mut self, size: usize) {
        let _ = self.0.send(News::Received(size));
    }
    fn finish(&mut self) {
        let _ = self.0.send(News::Ended);
    }
}

/// `OWNER/NAME` or `OWNER/NAME@REVISION`; the oldest repositories have no owner.
fn named(repository: &str) -> Option<Repo> {
    let (name, revision) = repository.split_once('@').unwrap_or((repository, "main"));
    let plain = name.split('/').all(is_plain) && name.split('/').count() <= 2 && is_plain(revision);
    plain.then(|| Repo::with_revision(name.to_owned(), RepoType::Model, revision.to_owned()))
}

/// Whether this is a name, and no path.
fn is_plain(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=96).contains(&word.len()) && word.bytes().all(allowed) && !word.starts_with('.')
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str())
}

/// Holds a file against the name its content has in the cache: SHA-256, or for small files that of a git object. A name
/// that is no hash says nothing.
fn check(path: &Path) -> Result<(), HubError> {
    let content = path.canonicalize().map_err(FileError::at(path))?;
    let expected = content.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let bytes = || files::read(&content);
    let found = match expected.len() {
        64 => Fingerprint::sha256(&bytes()?).to_string(),
        40 => {
            let bytes = bytes()?;
            let header = format!("blob {}\0", bytes.len());
            let hash = Sha1::new_with_prefix(header).chain_update(bytes).finalize();
            hash.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        _ => return Ok(()),
    };
    match found == expected {
        true => Ok(()),
        false => Err(HubError::Damaged { path: content.clone(), found, expected: expected.to_owned() }),
    }
}

/// Takes a damaged file out of the cache; if that fails, it is found damaged again.
fn discard(path: &Path) {
    let content = path.canonicalize();
    let _ = std::fs::remove_file(path);
    let _ = content.map(std::fs::remove_file);
}
