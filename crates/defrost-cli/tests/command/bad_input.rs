//! Wrong usage and wrong input: exit code 2, and a message that says what to do.

use std::path::Path;

use crate::support::{Ran, defrost_in, image, two_classes};

fn train(folder: &Path, words: &[&str]) -> Ran {
    defrost_in(folder, &[&["train"], words].concat())
}

#[test]
fn a_folder_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let expected = "nowhere: no such folder; give one that holds a folder of images per class";
    assert_eq!(train(folder.path(), &["nowhere"]).usage_error(), expected);
}

#[test]
fn an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let ran = train(folder.path(), &["data"]);
    assert!(ran.usage_error().starts_with("data has no class folders"), "{}", ran.stderr);
}

#[test]
fn one_class() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data/only")).unwrap();
    image(&folder.path().join("data/only/a.png"), [1, 2, 3], 4);
    let expected = "data has only one class folder, only; training needs at least two classes";
    assert_eq!(train(folder.path(), &["data"]).usage_error(), expected);
}

#[test]
fn nothing_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join("data").join(class)).unwrap();
        std::fs::write(folder.path().join("data").join(class).join("x.jpg"), b"").unwrap();
    }
    let ran = train(folder.path(), &["data"]);
    assert!(ran.usage_error().starts_with("data: none of the 2 images can be read"), "{}", ran.stderr);
}

#[test]
fn an_unknown_architecture() {
    let folder = tempfile::tempdir().unwrap();
    let data = two_classes(folder.path(), 4);
    let expected = "there is no architecture `resnet19`; there are efficientnet_lite0, efficientnet_lite1, \
                    efficientnet_lite2, resnet18, resnet34, resnet50, resnet101, resnext50_32x4d, wide_resnet50_2, \
                    mobilenet_v2, mobilenet_v3_small, mobilenet_v3_large, convnext_tiny, convnext_small, \
                    vit_small_patch16_224, vit_base_patch16_224, vit_small_patch14_dinov2, densenet121, squeezenet1_1, \
                    vgg16_bn\n  help: did you mean `resnet18`?";
    assert_eq!(train(folder.path(), &[data.to_str().unwrap(), "--arch", "resnet19"]).usage_error(), expected);
}

#[test]
fn weights_of_another_architecture_list_the_first_mismatches() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    let trained = train(folder.path(), &["data", "--size", "32", "--epochs", "0", "--out", "run"]);
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    let ran = train(folder.path(), &["data", "--arch", "resnet18", "--weights", "run/model.safetensors"]);
    let message = ran.usage_error();
    assert!(message.starts_with("run/model.safetensors: these weights don't fit resnet18: "), "{message}");
    assert!(
        message.contains("`body.bn1.weight` is [32] and should be [64]")
            && message.contains("not of this network"),
        "{message}"
    );

    std::fs::write(folder.path().join("bad.safetensors"), b"nothing").unwrap();
    let ran = train(folder.path(), &["data", "--weights", "bad.safetensors"]);
    assert!(ran.usage_error().starts_with("bad.safetensors: not a valid safetensors file"), "{}", ran.stderr);
}

#[test]
fn weights_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    let told = |words: &[&str]| train(folder.path(), words).usage_error().to_owned();
    let cache = folder.path().join("hub/hub");
    let expected = format!(
        "--weights hub: timm/resnet18.a1_in1k: there is no model.safetensors of it in {}, and nothing is downloaded offline",
        cache.display()
    );
    assert_eq!(told(&["data", "--arch", "resnet18"]), expected);
    assert!(told(&["data", "--weights", "hub:me/mine"]).starts_with("--weights hub: me/mine: there is no"));
    assert!(told(&["data", "--weights", "hub:../x"]).contains("is not a repository's name"));
    assert!(
        told(&["data", "--weights", "none.pth"]).starts_with("--weights none.pth: there is no such file")
    );
    let expected = "resnet18 has no embedded weights\n  help: give --weights hub, a .safetensors or .pth file, or none to \
                    start from random ones";
    assert_eq!(told(&["data", "--arch", "resnet18", "--weights", "embedded"]), expected);
}

#[test]
fn a_freeze_position_that_does_not_exist() {
    let expected = "--freeze-to 7: resnet18 has 3 layer groups (0 to 2, or -3 to -1)\n    \
                    0  stem, layer1, layer2\n    1  layer3, layer4\n    2  head\n  \
                    help: --freeze-to 2 trains only the head; --freeze-to 0 trains everything";
    let ran = defrost_in(&std::env::temp_dir(), &["plan", "--arch", "resnet18", "--freeze-to", "7"]);
    assert_eq!(ran.usage_error(), expected);
    let ran = defrost_in(&std::env::temp_dir(), &["plan", "--arch", "resnet18", "--freeze-to", "3"]);
    assert!(ran.usage_error().contains("nothing would train"), "{}", ran.stderr);
}

#[test]
fn frozen_epochs_are_of_the_recipe_only() {
    for instead in ["--freeze-to=1", "--train-only=head"] {
        let ran = defrost_in(&std::env::temp_dir(), &["plan", instead, "--freeze-epochs", "3"]);
        let option = instead.split('=').next().unwrap();
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(option) && ran.stderr.contains("--freeze-epochs"), "{}", ran.stderr);
    }
}

#[test]
fn rates_that_do_not_fit_the_groups() {
    let ran = defrost_in(&std::env::temp_dir(), &["plan", "--lr", "1e-5,1e-3"]);
    let expected = "--lr 1e-5,1e-3: 2 rates for 3 layer groups; write one rate, a slice lo..hi, or 3 rates";
    assert_eq!(ran.usage_error(), expected);
    let ran = defrost_in(&std::env::temp_dir(), &["plan", "--lr", "fast"]);
    assert!(ran.usage_error().contains("`fast` is not a rate"), "{}", ran.stderr);
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let ran = train(folder.path(), &["data", "--size", "32", "--out", "file/run"]);
    assert!(ran.usage_error().contains("--out file/run: the run can't be saved there"), "{}", ran.stderr);
}

#[test]
fn a_run_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    let trained = train(folder.path(), &["data", "--size", "32", "--epochs", "0", "--out", "run"]);
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    let predict = || defrost_in(folder.path(), &["predict", "run", "data/red/000.png"]);
    assert_eq!(predict().code, 0);

    let weights = folder.path().join("run/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    assert!(predict().usage_error().contains("the file has changed since the run wrote it"));

    std::fs::write(folder.path().join("run/bundle.json"), b"{}").unwrap();
    assert!(predict().usage_error().contains("not a valid bundle"));
    std::fs::remove_file(folder.path().join("run/bundle.json")).unwrap();
    assert_eq!(predict().usage_error(), "run: not a finished run: there is no bundle.json in it");
}
