//! With the feature `web`: lists the files of the built pages, which become part of the program.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

/// The pretrained weights are in the program already, as the library's.
const IN_THE_LIBRARY: &str = "efficientnet_lite0.safetensors";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_WEB").is_none() {
        return;
    }
    // Cargo sets both variables.
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../web/dist");
    let list = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("dist.rs");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| vec![]);
    let mut files: Vec<PathBuf> = entries.iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file() && !path.ends_with(IN_THE_LIBRARY));
    files.sort();
    if !files.iter().any(|path| path.ends_with("defrost_bg.wasm")) {
        println!(
            "cargo::error=the feature `web` needs the pages: in a copy of the repository, run web/build first"
        );
        return;
    }
    let mut text = "[\n".to_owned();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Writing to a text does not fail.
        let _ = writeln!(text, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    text += "]\n";
    if let Err(error) = fs::write(&list, text) {
        println!("cargo::error={}: {error}", list.display());
    }
}
