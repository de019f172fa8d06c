//! The command's modules import one way.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module imports from those below its own.
const FLOORS: [&[&str]; 9] = [
    &["remedies", "terminal"],
    &["failure"],
    &["http"],
    &["args", "show", "trace"],
    &["training"],
    &["domain"],
    &["run", "serve"],
    &["live", "pages"],
    &["commands", "lib", "main"],
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries
        .flat_map(inside)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn imports_lead_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = vec![];
    for path in files(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let own = floor(module).unwrap_or_else(|| panic!("list {module} in FLOORS"));
        for line in
            fs::read_to_string(&path).unwrap().lines().filter(|line| !line.trim_start().starts_with("//"))
        {
            let mut words =
                line.split("crate::").skip(1).flat_map(|rest| rest.split(|c: char| !c.is_alphanumeric()));
            if module != "lib" && words.any(|name| name != module && floor(name) >= Some(own)) {
                upward.push(format!("{}: {}", inside.display(), line.trim()));
            }
        }
    }
    assert!(upward.is_empty(), "a module imports from its own floor or one above it: {upward:#?}");
}

#[test]
fn every_dependency_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (manifest, page) = (read("Cargo.toml"), read("docs/dependencies.md"));
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let named = section.lines().filter_map(|line| Some(line.split_once(" = ")?.0.trim()));
    let own = |name: &&str| name.starts_with("defrost");
    let missing: Vec<&str> =
        named.filter(|name| !own(name) && !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "say in docs/dependencies.md why they are there: {missing:?}");
}

/// The licences of docs/dependencies.md. Where a crate offers several, one of them is enough.
const LICENCES: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
];

/// Whether a licence expression can be followed with those.
fn is_known(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[test]
fn licences_are_known() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words =
        ["tree", "--locked", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format"];
    let mut command = std::process::Command::new(cargo);
    let out = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(words).arg("{p}|{l}|").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let listed = String::from_utf8(out.stdout).unwrap();
    let lines = listed.lines().filter(|line| !line.is_empty());
    let crates: Vec<Vec<&str>> = lines.map(|line| line.split('|').collect()).collect();
    let unknown: Vec<&Vec<&str>> = crates.iter().filter(|line| !is_known(line[1])).collect();
    assert!(crates.len() > 100 && unknown.is_empty(), "{unknown:#?}");
    for (expression, known) in [
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(is_known(expression), known, "{expression}");
    }
}
