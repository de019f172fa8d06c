//! Which tensors of a file are taken for a network.

use std::path::Path;

use burn::tensor::{Device, TensorData};
use defrost::vision::models::{Architecture, Head, HeadKind, Precision, VisionNetwork, spellings};
use defrost::weights::{Fit, MisfitError, Tensors, WeightFile};
use defrost::{Network, Stage};

/// The body's stages of an architecture.
fn body(architecture: &str) -> Vec<Stage> {
    let device = Device::flex();
    let architecture = Architecture::named(architecture).unwrap();
    let body = architecture.body(&architecture.convention, &device);
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
    for prefix in ["", "body.", "module.", "state_dict.module.backbone.", "_orig_mod.", "x.y.layer1.0."] {
        let weights = file(&stages, |name| format!("{prefix}{name}"));
        let fit = Fit::find(&weights, "resnet18", &stages, &[]).unwrap();
        assert_eq!(fit.prefix, prefix);
        assert_eq!(fit.names["body.layer1.0.conv1.weight"], format!("{prefix}layer1.0.conv1.weight"));
        assert_eq!((fit.names.len(), fit.left_over.len(), fit.others.len()), (100, 0, 0), "{prefix}");
        assert!(fit.to_string().ends_with("; none left over"), "{fit}");
    }
}

#[test]
fn timms_names_of_mobilenet_v2_are_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytorch/mobilenet_v2.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    let tensors = lines.iter().map(|line| {
        let shape: Vec<usize> = line[2].split('x').map(|size| size.parse().unwrap()).collect();
        (line[1].to_owned(), TensorData::zeros::<f32, _>(shape))
    });
    let weights = WeightFile::of("timm".to_owned(), tensors.collect());
    let stages = body("mobilenet_v2");
    let fit = Fit::find(&weights, "mobilenet_v2", &stages, spellings("mobilenet_v2")).unwrap();
    for line in &lines {
        assert_eq!(fit.names[&format!("body.{}", line[0])], line[1]);
    }
    assert_eq!((fit.names.len(), fit.left_over.len()), (lines.len(), 0));
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
    assert!(message.ends_with("; they fit resnet34: --arch resnet34"), "{message}");
}
