//! The pages that compute in the browser: the one that trains, which `defrost playground` serves, and the one of a single network,
//! which `defrost export --format web` writes.
//!
//! `web/build` makes them of `web/` and the library, and the feature `web` puts them into the program.

mod playground;
mod site;

use crate::failure::Failure;

pub use playground::Playground;
pub use site::{Site, write_file};

/// A file: its name and its content.
type PageFile = (&'static str, &'static [u8]);

/// The files of both pages.
#[derive(Clone, Debug)]
pub struct Pages(Vec<PageFile>);

impl Pages {
    /// Those in the program.
    ///
    /// # Errors
    ///
    /// If the program was built without them.
    #[cfg(feature = "web")]
    pub fn built_in() -> Result<Self, Failure> {
        use defrost::vision::models::Architecture;

        // build.rs makes the list.
        const FILES: &[PageFile] = &include!(concat!(env!("OUT_DIR"), "/dist.rs"));
        let network = "efficientnet_lite0";
        let weights = Architecture::named(network).ok().and_then(|network| network.embedded);
        let weights = weights.map(|weights| ("efficientnet_lite0.safetensors", weights));
        Ok(Self(FILES.iter().copied().chain(weights).collect()))
    }

    /// Those in the program.
    ///
    /// # Errors
    ///
    /// If the program was built without them.
    #[cfg(not(feature = "web"))]
    pub fn built_in() -> Result<Self, Failure> {
        Err(Failure::usage(
            "this program was built without its pages for browsers; in a copy of the repository, `web/build` makes them, and then \
             `cargo install --path crates/defrost-cli --features web` puts them into the program",
        ))
    }

    /// A file.
    ///
    /// # Errors
    ///
    /// If the pages are not whole.
    fn file(&self, name: &str) -> Result<&'static [u8], Failure> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let missing = || Failure::Running(anyhow::anyhow!("the pages in the program have no {name}"));
        found.map(|(_, content)| *content).ok_or_else(missing)
    }

    /// A file of text.
    ///
    /// # Errors
    ///
    /// If the pages are not whole.
    fn text(&self, name: &str) -> Result<&'static str, Failure> {
        let broken = |error| Failure::Running(anyhow::anyhow!("{name} in the program: {error}"));
        std::str::from_utf8(self.file(name)?).map_err(broken)
    }
}

/// The content security policy that a page gives in its head.
///
/// # Errors
///
/// If there is none.
fn policy(page: &str) -> Result<&str, Failure> {
    let found = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"");
    let policy = found.and_then(|(_, policy)| policy.split('"').next());
    policy.ok_or_else(|| Failure::Running(anyhow::anyhow!("a page in the program has no policy")))
}

/// The content type of a file, by the ending of its name.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "web"))]
    fn without_the_pages_it_says_how_to_get_them() {
        let reason = Pages::built_in().unwrap_err().reason();
        assert!(reason.contains("`web/build`") && reason.contains("--features web"), "{reason}");
    }

    #[test]
    #[cfg(feature = "web")]
    fn both_pages_are_whole() {
        let pages = Pages::built_in().unwrap();
        assert!(Site::folder(&pages, vec![]).is_ok() && Site::single(&pages, &[]).is_ok());
        assert!(Playground::new(&pages).is_ok());
        assert!(pages.file("efficientnet_lite0.safetensors").is_ok_and(|weights| weights.len() > 5_000_000));
    }

    #[test]
    fn a_file_has_its_content_type() {
        assert_eq!(content_type("defrost_bg.wasm"), "application/wasm");
        assert_eq!(content_type("app.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("samples.zip"), "application/octet-stream");
    }
}
