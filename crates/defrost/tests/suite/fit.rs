//! Which tensors of a file are taken for a network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use defrost::vision::models::{Architecture, Head, HeadKind, Precision, VisionNetwork};
use defrost::vision::{VisionSetup, WeightSource};
use defrost::weights::{Fit, MisfitError, Tensors, WeightFile, collect, safetensors};
use defrost::{Network, Remedy, Stage};

/// The body's stages of an architecture.
fn body(architecture: &str) -> Vec<Stage> {
    let device = Device::flex();
    let architecture = Architecture::named(architecture).unwrap();
    let body = architecture.body(&architecture.config, &device);
    let head: Head = HeadKind::default().init(body.channels(), 2, &device);
    let network = VisionNetwork::new(body, head, Precision::F32, architecture.group_starts, true);
    network.stages().into_iter().filter(|stage| stage.pretrained).collect()
}

/// A file with the tensors of these stages, each of zeros, renamed.
fn file(stages: &[Stage], name: impl Fn(&str) -> String) -> WeightFile {
    let parameters = stages.iter().flat_map(|stage| &stage.parameters);
    let tensors: Tensors = parameters
        .map(|parameter| {
            let own = parameter.name.strip_prefix("body.").unwrap();
            (name(own), TensorData::zeros::<f32, _>(parameter.shape.clone()))
        })
        .collect();
    WeightFile::of("file".to_owned(), tensors)
}

#[test]
fn any_prefix_is_found() {
    let stages = body("resnet18");
    for prefix in ["", "body.", "module.", "state_dict.module.backbone.", "x.y.layer1.0."] {
        let weights = file(&stages, |name| format!("{prefix}{name}"));
        let fit = Fit::find(&weights, "resnet18", &stages, &[]).unwrap();
        assert_eq!(fit.prefix, prefix);
        assert_eq!(fit.names["body.layer1.0.conv1.weight"], format!("{prefix}layer1.0.conv1.weight"));
        assert_eq!((fit.names.len(), fit.left_over.len(), fit.others.len()), (100, 0, 0), "{prefix}");
        assert!(fit.to_string().ends_with("; none left over"), "{fit}");
    }
}

#[test]
fn the_names_of_compiled_parts_are_found() {
    let stages = body("resnet18");
    for (name, written) in [("", "_orig_mod."), ("", "module._orig_mod."), ("layer1.", "layer1._orig_mod.")] {
        let renamed = |full: &str| match full.strip_prefix(name) {
            Some(rest) => format!("{written}{rest}"),
            None => full.to_owned(),
        };
        let fit = Fit::find(&file(&stages, renamed), "resnet18", &stages, &[]).unwrap();
        assert_eq!(fit.prefix, if written.starts_with("module.") { "module." } else { "" });
        assert_eq!(fit.names["body.layer1.0.conv1.weight"], renamed("layer1.0.conv1.weight"));
        assert_eq!((fit.names.len(), fit.left_over.len()), (100, 0), "{written}");
    }
}

#[test]
fn timms_names_are_understood() {
    for architecture in
        ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "convnext_tiny", "convnext_small"]
    {
        timms_names_are_understood_of(architecture);
    }
}

#[track_caller]
fn timms_names_are_understood_of(architecture: &str) {
    let path = format!("tests/fixtures/pytorch/{architecture}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    let tensors = lines.iter().zip(0..).map(|(line, number)| {
        let shape: Vec<usize> = line[2].split('x').map(|size| size.parse().unwrap()).collect();
        (line[1].to_owned(), TensorData::full(shape, number as f32))
    });
    let tensors: Tensors = tensors.collect();
    let weights = WeightFile::of("timm".to_owned(), tensors.clone());
    let stages = body(architecture);
    let key_aliases = Architecture::named(architecture).unwrap().key_aliases;
    let fit = Fit::find(&weights, architecture, &stages, key_aliases).unwrap();
    for line in &lines {
        assert_eq!(fit.names[&format!("body.{}", line[0])], line[1]);
    }
    assert_eq!((fit.names.len(), fit.left_over.len()), (lines.len(), 0), "{architecture}");

    // They arrive in the network's own shapes, which may have more ones at the end or fewer.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timm.safetensors");
    safetensors::write(&path, &tensors, &BTreeMap::new()).unwrap();
    let source = WeightSource::File(path);
    let setup =
        VisionSetup { architecture: architecture.to_owned(), weights: source, ..VisionSetup::default() };
    let (network, manifest, _) = setup.open().unwrap().build(2, &Device::flex()).unwrap();
    let loaded = collect(&network);
    for (line, number) in lines.iter().zip(0..) {
        let mut values = loaded[&format!("body.{}", line[0])].iter::<f32>();
        assert!(values.all(|value| value == number as f32), "{architecture}: {}", line[0]);
    }
    let epsilon = match architecture {
        "convnext_tiny" | "convnext_small" => 1e-6,
        _ => 1e-5,
    };
    assert_eq!(manifest.config.norm_epsilon, epsilon, "{architecture}");
}

#[test]
fn what_does_not_fit_is_listed() {
    let stages = body("resnet18");
    let weights = file(&stages, |name| match name {
        "conv1.weight" => "model.first.weight".to_owned(),
        name => format!("model.{name}"),
    });
    let misfit = Fit::find(&weights, "resnet18", &stages, &[]).unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "file: these weights don't fit resnet18: 1 missing (`body.conv1.weight`); \
         1 not of this network (`model.first.weight`)"
    );
    let nothing = WeightFile::of("file".to_owned(), Tensors::new());
    let misfit = Fit::find(&nothing, "resnet18", &stages, &[]).unwrap_err();
    assert!(misfit.misfits.starts_with("100 missing (`body.conv1.weight`, "), "{misfit}");
}

#[test]
fn a_network_that_is_part_of_another_is_told_from_it() {
    let weights = file(&body("resnet34"), str::to_owned);
    let fit = Fit::find(&weights, "resnet18", &body("resnet18"), &[]).unwrap();
    assert!(fit.left_over.len() > 16);
    assert_eq!(fit.check_likely(Some("resnet18".to_owned())), Ok(()));
    assert_eq!(fit.check_likely(None), Ok(()));
    let misfit: MisfitError = fit.check_likely(Some("resnet34".to_owned())).unwrap_err();
    let message = misfit.to_string();
    assert!(message.starts_with("file: these weights don't fit resnet18: "), "{message}");
    assert!(message.ends_with("; they fit resnet34"), "{message}");
    assert_eq!(misfit.remedy(), Some(Remedy::ChooseArchitecture("resnet34".to_owned())));
}
