//! The command's modules import one way.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module imports from those below its own.
const FLOORS: [&[&str]; 8] = [
    &["remedies", "terminal"],
    &["failure", "http"],
    &["args", "show", "trace"],
    &["training"],
    &["domain"],
    &["run", "serve"],
    &["live"],
    &["commands", "main"],
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
            if module != "main" && words.any(|name| name != module && floor(name) >= Some(own)) {
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
