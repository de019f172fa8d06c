//! Files in memory, by name.

use std::path::{Path, PathBuf};

use defrost::platform::fs;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::words::{OrThrow, Thrown, json};

/// Puts a file there; folders in its name are made.
#[wasm_bindgen(js_name = putFile)]
pub fn put_file(name: &str, bytes: &[u8]) -> Thrown<()> {
    let path = Path::new(name);
    fs::create_dir_all(path.parent().unwrap_or(path)).or_throw()?;
    fs::write(path, bytes).or_throw()
}

/// The bytes of a file.
#[wasm_bindgen(js_name = takeFile)]
pub fn take_file(name: &str) -> Thrown<Vec<u8>> {
    fs::read(name).or_throw()
}

/// The names of all files in a folder and below it, with their sizes: `[["a/b.png", 120]]`.
#[wasm_bindgen(js_name = listFiles)]
pub fn list_files(folder: &str) -> Thrown<String> {
    let mut found: Vec<(PathBuf, u64)> = vec![];
    collect(Path::new(folder), &mut found).or_throw()?;
    json(&found)
}

/// Removes a file, or a folder with all that is in it; nothing if there is none.
#[wasm_bindgen(js_name = removeFiles)]
pub fn remove_files(name: &str) -> Thrown<()> {
    let path = Path::new(name);
    if fs::is_file(path) {
        return fs::remove_file(path).or_throw();
    }
    remove(path).or_throw()
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, u64)>) -> std::io::Result<()> {
    if !fs::is_dir(folder) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match fs::metadata(&path)? {
            metadata if metadata.is_dir() => collect(&path, found)?,
            metadata => found.push((path, metadata.len())),
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> std::io::Result<()> {
    if !fs::is_dir(folder) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match fs::is_dir(&path) {
            true => remove(&path)?,
            false => fs::remove_file(&path)?,
        }
    }
    fs::remove_dir(folder)
}
