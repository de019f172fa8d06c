//! `defrost plan` and `defrost models`.

use crate::support::{defrost_in, repository};

fn plan(words: &[&str]) -> serde_json::Value {
    let words = [&["plan", "--json", "--batches", "5"], words].concat();
    defrost_in(&std::env::temp_dir(), &words).json()
}

#[test]
fn the_default_recipe_freezes_then_thaws() {
    let plan = plan(&["--arch", "resnet34", "--classes", "37", "--epochs", "3"]);
    assert_eq!(plan["arch"], "resnet34");
    let params: Vec<u64> =
        plan["groups"].as_array().unwrap().iter().map(|g| g["params"].as_u64().unwrap()).collect();
    assert_eq!(params, [1_347_904, 19_936_768, 512 * 37 + 37]);
    assert_eq!(plan["total_params"].as_u64().unwrap(), params.iter().sum::<u64>());
    assert_eq!(plan["trainable_params"].as_u64().unwrap(), params[2]);
    assert_eq!(plan["groups"][0]["stages"][1], "layer1.0");
    assert_eq!(plan["groups"][2]["trainable"], true);
    let phases = plan["phases"].as_array().unwrap();
    assert_eq!((&phases[0]["name"], &phases[1]["name"]), (&"frozen".into(), &"thawed".into()));
    assert_eq!(phases[0]["frozen_groups"], serde_json::json!([0, 1]));
    assert_eq!(phases[1]["frozen_groups"], serde_json::json!([]));
    assert_eq!((&phases[1]["epochs"], &phases[1]["batches_per_epoch"]), (&3.into(), &5.into()));
    assert_eq!((&phases[0]["epochs"], &phases[0]["method"]), (&1.into(), &"solve_head".into()));
    assert_eq!((&phases[1]["lr_max"][0], &phases[1]["lr_max"][2]), (&3e-4.into(), &1e-3.into()));
    assert!(phases[0].get("steps").is_none());
}

#[test]
fn fastais_fine_tune_is_one_rate_and_fastais_head() {
    let asked =
        ["--arch", "resnet34", "--classes", "37", "--head", "fastai", "--freeze-epochs", "1", "--lr", "2e-3"];
    let plan = plan(&asked);
    assert_eq!(plan["groups"][2]["params"], 546_304);
    assert_eq!(plan["phases"][0]["method"], "steps");
    assert_eq!(plan["phases"][0]["lr_max"], serde_json::json!([2e-4, 2e-4, 2e-3]));
    let thawed = plan["phases"][1]["lr_max"].as_array().unwrap();
    let expected = [1e-5, 1e-4, 1e-3];
    assert!(
        thawed
            .iter()
            .zip(expected)
            .all(|(rate, expected)| (rate.as_f64().unwrap() / expected - 1.0).abs() < 1e-9)
    );
}

#[test]
fn steps_list_every_batch() {
    let plan = plan(&["--steps", "--epochs", "2"]);
    let steps = plan["phases"][1]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 10);
    assert_eq!(steps[0]["lr"].as_array().unwrap().len(), 3);
    assert!(steps[0]["mom"].is_number());
}

#[test]
fn own_groups_cuts_and_choices() {
    let cut = plan(&["--arch", "resnet18", "--cut", "layer4", "--freeze-to", "1"]);
    let stages = cut["groups"][1]["stages"].as_array().unwrap();
    assert_eq!(stages.last().unwrap(), "layer3.1");
    assert_eq!(cut["phases"][0]["frozen_groups"], serde_json::json!([0]));

    let own = plan(&[
        "--arch",
        "resnet18",
        "--groups",
        "stem|layer1,layer2|layer3,layer4|head",
        "--train-only",
        "1",
    ]);
    assert_eq!(own["groups"].as_array().unwrap().len(), 4);
    assert_eq!(own["phases"][0]["frozen_groups"], serde_json::json!([0, 2, 3]));

    let body = defrost_in(&std::env::temp_dir(), &["plan", "--train-only", "0", "--json"]);
    assert!(body.stderr.starts_with("warning: only 0: head is new and frozen"), "{}", body.stderr);
    assert_eq!(body.json()["phases"][0]["frozen_groups"], serde_json::json!([1, 2]));

    let gradual = plan(&["--gradual"]);
    assert_eq!(gradual["phases"].as_array().unwrap().len(), 3);
}

#[test]
fn the_table_shows_what_is_frozen() {
    let ran = defrost_in(&repository(), &["plan", "samples/fashion"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (drawing, table) = ran.stdout.split_once("layer group").unwrap();
    assert!(drawing.contains("  frozen  ░░") && drawing.contains("  thawed  ██"), "{drawing}");
    assert!(!ran.stdout.contains('\x1b'), "colours are for terminals");
    for (group, state) in [("0 stem", "frozen "), ("1 blocks.4", "frozen "), ("2 head", "best head ")] {
        let line = table.lines().find(|line| line.contains(group)).unwrap();
        assert!(line.contains(state), "{line}");
    }
    assert!(table.contains("\nfrozen should take ") && table.contains("\nthawed should take "), "{table}");
    let understood = "samples/fashion: 1000 images to train on, 300 to validate, 10 classes";
    assert!(ran.stderr.trim_end().ends_with(understood), "{}", ran.stderr);
}

#[test]
fn a_plan_can_be_drawn_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let words =
        ["plan", "--arch", "resnet18", "--cut", "layer4", "--train-only", "1", "--svg", "plan.svg", "--json"];
    let plan = defrost_in(folder.path(), &words).json();
    assert_eq!(plan["cut"], serde_json::json!(["layer4.0", "layer4.1"]));
    assert_eq!(plan["groups"][0]["stage_params"].as_array().unwrap().len(), 5);
    let drawing = std::fs::read_to_string(folder.path().join("plan.svg")).unwrap();
    assert!(drawing.starts_with("<svg xmlns=") && drawing.ends_with("</svg>\n"), "{drawing}");
    for text in ["cut off: layer4.0 to layer4.1", "layer3.1", "head (new)", "only 1"] {
        assert!(drawing.contains(text), "{text}");
    }
}

#[test]
fn models_are_listed() {
    let models = defrost_in(&std::env::temp_dir(), &["models", "--json"]).json();
    let names: Vec<&str> =
        models.as_array().unwrap().iter().map(|model| model["arch"].as_str().unwrap()).collect();
    let (images, others) = names.split_at(names.len() - 3);
    assert_eq!(others, ["bert-6x384", "awd_lstm-3x1152", "tabular"]);
    for name in ["efficientnet_lite2", "resnet18", "densenet121", "convnext_tiny", "vit_small_patch14_dinov2"]
    {
        assert!(images.contains(&name), "{name}");
    }
    assert_eq!(models[0]["weights"], "embedded");
    assert_eq!(models[0]["usual_weights"]["licence"], "Apache-2.0");
    let lstm = &models[names.len() - 2];
    assert_eq!((&lstm["task"], &lstm["groups"][1]["name"]), (&"text".into(), &"rnn1".into()));
    for model in models.as_array().unwrap().iter().take(images.len()) {
        // mobilenet_v3_small's are the fewest.
        assert!(model["multiply_adds"].as_u64().unwrap() > 50_000_000, "{model}");
        assert!(model["size"].as_u64().unwrap() >= 224, "{model}");
    }
}

#[test]
fn models_are_measured_by_name() {
    let folder = std::env::temp_dir();
    let models = defrost_in(&folder, &["models", "mobilenet_v3_small", "--measure", "--json"]).json();
    assert_eq!(models.as_array().unwrap().len(), 1);
    for step in ["forward", "frozen step", "thawed step"] {
        assert!(models[0]["images_per_second"][step].as_f64().unwrap() > 0.0, "{models}");
    }
    let unknown = defrost_in(&folder, &["models", "resnet19"]);
    assert!(unknown.usage_error().contains("there is no architecture `resnet19`"), "{}", unknown.stderr);
}

#[test]
fn a_plan_for_data_needs_no_weights() {
    let plan = defrost_in(&repository(), &["plan", "samples/fashion", "--arch", "resnet34", "--json"]).json();
    assert_eq!(plan["phases"][0]["batches_per_epoch"], 31);
}

#[test]
fn the_plan_says_what_adapting_costs() {
    let adapt = plan(&["--norm", "adapt"]);
    let notes = adapt["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "the thawed phase costs no more than it would anyway");
    assert!(notes[0].as_str().unwrap().starts_with("frozen: the norms of frozen groups train"));
    assert_eq!(adapt["phases"][0]["constant_stages"], 0);
    assert_eq!(plan(&[])["notes"], serde_json::json!([]));
}
