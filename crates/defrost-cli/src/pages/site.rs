//! The page of one trained network, as a folder for any web server or as one file.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use defrost::files;

use super::{Pages, policy};
use crate::failure::{Blame, Failure};

/// The run, packed.
const RUN: &str = "run.defrost";
/// The modules that the page is made of, each after those that it imports.
const MODULES: [&str; 7] =
    ["store.js", "defrost.js", "worker.js", "page.js", "engine.js", "answer.js", "model.js"];
/// What else it needs.
const OTHERS: [&str; 7] =
    ["defrost_bg.wasm", "report.css", "style.css", "icon.svg", "model.webmanifest", "sw.js", "LICENSES.txt"];

/// A page in one file has all of its script inside, and no server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; \
                      img-src blob: data:; media-src blob:; worker-src blob:; base-uri 'none'; form-action 'none'";

/// The files of a site, by name.
pub struct Site(Vec<(&'static str, Cow<'static, [u8]>)>);

/// The files of a site, written.
#[derive(Debug)]
pub struct Written {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their bytes.
    pub bytes: usize,
}

impl Site {
    /// The site of a packed run: a page, what it loads, and the run.
    ///
    /// # Errors
    ///
    /// If the pages are not whole.
    pub fn folder(pages: &Pages, run: Vec<u8>) -> Result<Self, Failure> {
        let mut files = vec![("index.html", pages.file("model.html")?.into())];
        for name in MODULES.into_iter().chain(OTHERS) {
            files.push((name, pages.file(name)?.into()));
        }
        files.push((RUN, run.into()));
        Ok(Self(files))
    }

    /// The same as one page.
    ///
    /// # Errors
    ///
    /// If the pages are not whole.
    pub fn single(pages: &Pages, run: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut page = pages.text("model.html")?.to_owned();
        let mut replace = |old: &str, new: &str| match page.contains(old) {
            true => {
                page = page.replacen(old, new, 1);
                Ok(())
            }
            false => Err(Failure::Running(anyhow::anyhow!("model.html in the program has no `{old}`"))),
        };
        replace(policy(pages.text("model.html")?)?, POLICY)?;
        for name in ["report.css", "style.css"] {
            let style = format!("<style>{}</style>", pages.text(name)?);
            replace(&format!(r#"<link rel="stylesheet" href="{name}">"#), &style)?;
        }
        replace(r#"<link rel="manifest" href="model.webmanifest">"#, "")?;
        replace(r#"href="icon.svg""#, r#"href="data:,""#)?;
        replace(r#"<script type="module" src="model.js"></script>"#, "")?;
        let mut inside = String::new();
        for name in MODULES {
            inside +=
                &format!("<script type=\"text/plain\" id=\"module:{name}\">{}</script>\n", pages.text(name)?);
        }
        for (name, content) in [("defrost_bg.wasm", pages.file("defrost_bg.wasm")?), (RUN, run)] {
            inside += &format!("<script type=\"text/plain\" id=\"file:{name}\">");
            BASE64_STANDARD.encode_string(content, &mut inside);
            inside += "</script>\n";
        }
        inside += &format!("<script type=\"module\">{}</script>\n", pages.text("single.js")?);
        replace("</body>", &(inside + "</body>"))?;
        Ok(page.into_bytes())
    }

    /// Refuses a folder that holds other files than those of a site, so that nothing is overwritten or handed out by mistake.
    pub fn check_folder(folder: &Path) -> Result<(), Failure> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Failure::usage(format!("{}: {error}", folder.display()))),
        };
        for entry in entries {
            let name = entry.or_usage()?.file_name();
            let names = ["index.html", RUN].into_iter().chain(MODULES).chain(OTHERS);
            if !names.into_iter().any(|own| name == *own) {
                return Err(Failure::usage(format!(
                    "{}: `{}` is in this folder already; name a new one for the page",
                    folder.display(),
                    name.display()
                )));
            }
        }
        Ok(())
    }

    /// Writes them into a folder.
    pub fn write(&self, folder: &Path) -> Result<Written, Failure> {
        fs::create_dir_all(folder).map_err(files::FileError::at(folder)).or_usage()?;
        let mut written = Written { files: vec![], bytes: 0 };
        for (name, content) in &self.0 {
            let one = write_file(&folder.join(name), content)?;
            written.files.extend(one.files);
            written.bytes += one.bytes;
        }
        Ok(written)
    }
}

/// Writes one file.
pub fn write_file(path: &Path, content: &[u8]) -> Result<Written, Failure> {
    files::write_atomically(path, |file| file.write_all(content)).or_usage()?;
    Ok(Written { files: vec![path.to_owned()], bytes: content.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] = br#"<head>
  <meta http-equiv="Content-Security-Policy" content="default-src 'self'">
  <link rel="icon" href="icon.svg">
  <link rel="manifest" href="model.webmanifest">
  <link rel="stylesheet" href="report.css">
  <link rel="stylesheet" href="style.css">
  <script type="module" src="model.js"></script>
</head>
<body></body>"#;

    /// Pages whose files hold their own names.
    fn pages() -> Pages {
        let own = MODULES.into_iter().chain(OTHERS).chain(["single.js"]).map(|name| (name, name.as_bytes()));
        Pages(own.chain([("model.html", PAGE)]).collect())
    }

    #[test]
    fn a_folder_holds_the_page_and_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/site");
        Site::check_folder(&out).unwrap();
        let written = Site::folder(&pages(), b"weights".to_vec()).unwrap().write(&out).unwrap();
        assert_eq!(written.files.len(), 2 + MODULES.len() + OTHERS.len());
        let bytes = written.files.iter().map(|file| fs::read(file).unwrap().len()).sum::<usize>();
        assert_eq!(written.bytes, bytes);
        assert_eq!(fs::read(out.join(RUN)).unwrap(), b"weights");
        assert_eq!(fs::read(out.join("index.html")).unwrap(), PAGE);

        // It can be written again; a folder with other things is left alone.
        Site::check_folder(&out).unwrap();
        fs::write(out.join("notes.txt"), "mine").unwrap();
        let refused = Site::check_folder(&out).unwrap_err().reason();
        let expected = "`notes.txt` is in this folder already; name a new one for the page";
        assert_eq!(refused, format!("{}: {expected}", out.display()));
        let file = Site::check_folder(&out.join("notes.txt")).unwrap_err().reason();
        assert!(file.contains("notes.txt: "), "{file}");
    }

    #[test]
    fn a_single_page_loads_nothing() {
        let page = String::from_utf8(Site::single(&pages(), b"weights").unwrap()).unwrap();
        for loads in ["href=\"icon", "rel=\"stylesheet\"", "rel=\"manifest\"", "src="] {
            assert!(!page.contains(loads), "{loads}: {page}");
        }
        assert_eq!(policy(&page).unwrap(), POLICY);
        assert!(page.contains("<style>report.css</style>") && page.ends_with("</body>"), "{page}");
        assert!(page.contains(r#"id="module:answer.js">answer.js</script>"#), "{page}");
        assert!(page.contains(&format!(r#"id="file:{RUN}">d2VpZ2h0cw==</script>"#)), "{page}");
    }

    #[test]
    fn pages_that_are_not_whole_are_not_written() {
        let mut few = pages();
        few.0.retain(|(name, _)| *name != "answer.js");
        let missing = "the pages in the program have no answer.js";
        assert_eq!(Site::folder(&few, vec![]).err().map(|error| error.reason()).as_deref(), Some(missing));
        assert_eq!(Site::single(&few, &[]).unwrap_err().reason(), missing);
        few.0.insert(0, ("model.html", b"<body></body>"));
        assert_eq!(Site::single(&few, &[]).unwrap_err().reason(), "a page in the program has no policy");
    }
}
