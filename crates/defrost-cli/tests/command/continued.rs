//! Going on from a finished run, with its head.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, defrost_in, image, people, two_classes};

/// The rows of a run's head, and its number for each class.
fn head(run: &Path) -> Vec<(Vec<f32>, f32)> {
    let tensors = defrost::weights::safetensors::read(&run.join("model.safetensors")).unwrap().tensors;
    let numbers = |ending: &str| -> Vec<f32> {
        let found = tensors.iter().find(|(name, _)| name.starts_with("head.") && name.ends_with(ending));
        found.unwrap().1.iter::<f32>().collect()
    };
    let (weight, bias) = (numbers("weight"), numbers("bias"));
    weight.chunks(weight.len() / bias.len()).map(<[f32]>::to_vec).zip(bias).collect()
}

fn words(folder: &Path, words: &str) -> Ran {
    defrost_in(folder, &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_run_goes_on_with_its_head_and_competes_with_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 12);
    let first = words(folder, "train data --size 32 --batch 8 --epochs 0 --out first --json").json();

    let planned = words(folder, "plan data --continue first --json").json();
    assert_eq!(planned["phases"][0]["trainable_params"], 0);
    let shown = words(folder, "plan --continue first --batches 4");
    assert!(shown.stdout.contains("start  ") && shown.stdout.contains("thawed"), "{}", shown.stdout);

    let on = words(folder, "train data --continue first --batch 8 --epochs 1 --out second --json");
    assert!(on.stderr.contains("note: the head of first is kept"), "{}", on.stderr);
    assert!(!on.stderr.contains("left over"), "{}", on.stderr);
    let on = on.json();
    let names = |run: &Value| -> Vec<String> {
        let phases = run["phases"].as_array().unwrap().iter();
        phases.map(|phase| phase["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&on), ["start", "thawed"]);
    // The size and the images that validate are those of the run: so is what is measured at the start.
    assert_eq!(on["epochs"][0]["metrics"], first["best"]["metrics"]);
    let (was, is) = (&first["best"]["valid_loss"], &on["epochs"][0]["valid_loss"]);
    assert!((was.as_f64().unwrap() - is.as_f64().unwrap()).abs() < 1e-2, "{was} {is}");
    assert_eq!(on["decision"]["frozen"]["position"], 0.0);
    let reason = on["decision"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("accuracy: before "), "{reason}");

    let resumed = words(folder, "train --resume second");
    assert!(resumed.usage_error().ends_with("the run is finished; there is nothing to go on with"));
    assert_eq!(words(folder, "predict second data/red/000.png --json").json()[0]["top"][0]["class"], "red");
}

#[test]
fn new_classes_get_rows_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 12);
    words(folder, "train data --size 32 --batch 8 --epochs 0 --out first --json").json();
    std::fs::create_dir(folder.join("data/green")).unwrap();
    for index in 0..12 {
        image(&folder.join(format!("data/green/{index}.png")), [30, 180, 40], 2 + index % 5);
    }
    // A step this small moves nothing that can be seen.
    let still =
        "train data --continue first --batch 8 --freeze-to -1 --epochs 1 --lr 1e-9 --out still --json";
    let still = words(folder, still);
    assert!(still.stderr.contains("these classes are new: `green`"), "{}", still.stderr);
    let (was, is) = (head(&folder.join("first")), head(&folder.join("still")));
    assert_eq!((was.len(), is.len()), (2, 3));
    let apart = |one: &[f32], two: &[f32]| {
        one.iter().zip(two).map(|(one, two)| (one - two).abs()).fold(0f32, f32::max)
    };
    for (old, new) in [(0, 0), (1, 2)] {
        assert!(apart(&was[old].0, &is[new].0) < 1e-6 && (was[old].1 - is[new].1).abs() < 1e-6);
    }
    assert!(apart(&is[1].0, &vec![0.0; is[1].0.len()]) < 1e-6);

    let grown = words(folder, "train data --continue first --batch 8 --epochs 1 --out grown --json").json();
    assert_eq!(grown["phases"][0]["name"], "frozen");
    assert_eq!(grown["classes"], json!(["blue", "green", "red"]));

    std::fs::remove_dir_all(folder.join("data/red")).unwrap();
    assert_eq!(
        words(folder, "train data --continue first").usage_error(),
        "first: this run knows classes that the data lacks, and would unlearn them: `red`\n  help: --pretrained RUN starts a new head on its body"
    );
}

#[test]
fn a_run_over_rows_goes_on_with_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let first = words(folder, "train people.csv --label-column group --epochs 20 --out first --json").json();
    let on = words(folder, "train people.csv --continue first --epochs 2 --out second --json").json();
    assert_eq!(on["classes"], json!(["older", "younger"]));
    assert_eq!(on["epochs"][0]["metrics"], first["best"]["metrics"]);
    let other = words(folder, "train people.csv --continue first --label-column town --out not");
    assert!(other.usage_error().contains("town"), "{}", other.stderr);
    let both = words(folder, "train people.csv --continue first --pretrained first");
    assert!(both.usage_error().contains("cannot be used with"), "{}", both.stderr);
}
