//! The Rust lines of docs compile: each is in a function below, in the crate's own code or in another test.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use defrost::export::{Engine, ExportOptions};
use defrost::learner::AdviseOptions;
use defrost::prelude::*;
use defrost::vision::VisionSetup;
use defrost::vision::models::{Architecture, Body, PretrainedConfig};

type Done = Result<(), Box<dyn Error>>;

/// docs/library.md: a run, and its export.
#[expect(dead_code, reason = "it is compiled, and trains nothing")]
fn photos() -> Done {
    let data = ImageFolder::open("photos")?;
    let mut learner = data.learner(Pretrained::new("resnet34"))?;
    learner.fine_tune(4)?;
    println!("{:?}", learner.predict("new.jpg")?);
    learner.save("runs/photos")?;

    let model = Learner::load("runs/photos")?;
    println!("{:?}", model.evaluate("photos")?.evaluation.metrics);

    let exported = model.export("model.onnx", &ExportOptions::default())?;
    if let Some(checks) = &exported.checks {
        Engine::of_python(Path::new("python3"))?.verify(Path::new("model.onnx"), checks)?.agrees();
    }
    Ok(())
}

/// The other kinds of data, and runs to begin with.
#[rustfmt::skip]
#[expect(dead_code, unused_variables, unused_mut, reason = "it is compiled, and trains nothing")]
fn other_data(images: Vec<(Image, &'static str)>) -> Done {
    let mut learner = TextData::open("reviews.csv")?.learner(Pretrained::new("hub"))?;
    let mut learner = TextData::from_texts([("I love it", "good"), ("never again", "bad")])?.learner("hub")?;
    let mut learner = TableData::open("people.csv")?.label("group").learner(Pretrained::default())?;
    let mut learner = ImageData::from_images(images)?.learner("efficientnet_lite0")?;
    let mut learner = ImageFolder::open("other")?.learner(Pretrained::from_run("runs/photos"))?;
    let mut learner = ImageFolder::open("photos")?.learner(Pretrained::continued("runs/photos"))?;
    Ok(())
}

/// docs/cheatsheet.md, and the steps of a recipe.
#[expect(dead_code, unused_variables, reason = "it is compiled, and trains nothing")]
fn steps(mut learner: ImageLearner) -> Done {
    learner.freeze()?;
    learner.freeze_to(-2)?;
    learner.fit_one_cycle(1, 2e-3)?;
    learner.unfreeze();
    learner.fit_one_cycle(4, "1e-5..1e-3")?;
    learner.train()?;
    learner.fine_tune(4)?;
    let advice = learner.advise(&AdviseOptions::default())?;
    Ok(())
}

/// docs/adding-a-model.md, the last section.
#[rustfmt::skip]
#[expect(dead_code, unused_variables, reason = "it is compiled, and registers nothing")]
fn own_network() -> Done {
    fn tiny(_: &PretrainedConfig, _: &Device) -> Body {
        Body::new(vec![])
    }
    static TINY: Architecture = Architecture {
        group_starts: &["blocks.1"],
        ..Architecture::new("tiny", tiny)
    };
    Architecture::register(&TINY)?;
    let setup = VisionSetup { architecture: "tiny".to_owned(), ..VisionSetup::default() };
    Ok(())
}

fn code_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { code_of(&path) } else { vec![path] };
    entries.flat_map(inside).filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// A line without its comment and without spaces at its ends; nothing if that leaves nothing.
fn bare(line: &str) -> Option<String> {
    let code = line.split(" //").next().unwrap_or_default().trim();
    (!code.is_empty() && !code.starts_with("//")).then(|| code.to_owned())
}

#[test]
fn rust_in_the_docs_compiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "tests", "examples"].map(|folder| code_of(&root.join(folder)));
    let compiled: BTreeSet<String> = files
        .concat()
        .iter()
        .flat_map(|path| fs::read_to_string(path).unwrap().lines().filter_map(bare).collect::<Vec<_>>())
        .collect();
    let (mut unknown, mut count) = (vec![], 0);
    for name in ["library.md", "cheatsheet.md", "adding-a-model.md"] {
        let page = fs::read_to_string(root.join("../../docs").join(name)).unwrap();
        let blocks = page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next());
        for line in blocks.flat_map(str::lines).filter_map(bare) {
            count += 1;
            if !compiled.contains(&line) {
                unknown.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(count > 60, "only {count} lines were found");
    assert!(unknown.is_empty(), "no code that is compiled has these lines: {unknown:#?}");
}
