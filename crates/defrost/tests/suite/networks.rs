//! The image networks against numbers measured on torchvision and timm.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::data::{Fingerprint, target_rows};
use defrost::vision::augment::Draw;
use defrost::vision::image::Image;
use defrost::vision::models::{
    Architecture, Head, HeadKind, LinearHead, Precision, PretrainedConfig, VisionNetwork,
};
use defrost::vision::transform::Preprocess;
use defrost::weights::{self, Tensors};
use defrost::{
    CrossEntropy, FreezePlan, LayerGroups, Loss as _, Network, NormMode, Parameter, Role, Stage, Target,
};
use serde_json::Value;

use crate::gradients::gradient_norms;
use crate::support::{golden, numbers};

/// The network with its original classifier over `classes` classes.
fn network(architecture: &str, classes: usize) -> VisionNetwork {
    let device = Device::flex();
    let architecture = Architecture::named(architecture).unwrap();
    let body = architecture.body(&architecture.config, &device);
    let head = LinearHead::pretrained(classifier(architecture.name), body.channels(), classes, &device);
    VisionNetwork::new(body, Head::Linear(head), Precision::F32, architecture.group_starts, true)
}

/// What checkpoints call an architecture's classifier, which a new head replaces.
fn classifier(architecture: &str) -> &'static str {
    match architecture.split('_').next() {
        Some("mobilenet") if architecture.contains("v3") => "classifier.3",
        Some("mobilenet") => "classifier.1",
        Some("convnext") => "classifier.2",
        Some("efficientnet" | "densenet121" | "squeezenet1" | "vgg16") => "classifier",
        Some("vit") => "head",
        _ => "fc",
    }
}

/// What a formula needs to know of a tensor.
#[derive(Clone, Copy)]
enum Kind {
    Weight { fan_in: f64 },
    Variance,
    Mean,
    Scale,
}

/// Weights by a formula of (kind, element i, number k of the tensor in the checkpoint's order).
fn made_weights(network: &VisionNetwork, formula: fn(Kind, f64, f64) -> f64) -> Tensors {
    let parameters: Vec<_> = network.stages().into_iter().flat_map(|stage| stage.parameters).collect();
    let tensor = |(k, parameter): (usize, &Parameter)| {
        let kind = match parameter.name.rsplit('.').next() {
            _ if parameter.shape.len() > 1 => {
                Kind::Weight { fan_in: parameter.len() as f64 / parameter.shape[0] as f64 }
            }
            Some("running_var") => Kind::Variance,
            Some("running_mean" | "bias") => Kind::Mean,
            _ => Kind::Scale,
        };
        let numbers: Vec<f32> =
            (0..parameter.len()).map(|i| formula(kind, i as f64, k as f64) as f32).collect();
        (parameter.name.clone(), TensorData::new(numbers, parameter.shape.clone()))
    };
    parameters.iter().enumerate().map(tensor).collect()
}

/// The weights of `torch.json`.
fn formula_weights(network: &VisionNetwork) -> Tensors {
    made_weights(network, |kind, i, k| match kind {
        Kind::Weight { fan_in } => (4.0 / fan_in).sqrt() * (0.7390851 * i + k).sin(),
        Kind::Variance => 1.0 + 0.3 * (0.37 * i + k).sin(),
        Kind::Scale => 1.0 + 0.2 * (0.91 * i + k).sin(),
        Kind::Mean => 0.1 * (0.53 * i + k).sin(),
    })
}

/// The weights of `gradients.json`.
fn noise_weights(network: &VisionNetwork) -> Tensors {
    made_weights(network, |kind, i, k| match kind {
        Kind::Weight { fan_in } => (6.0 / fan_in).sqrt() * noise(i, k),
        Kind::Variance => 1.0 + 0.3 * noise(i, k),
        Kind::Scale => 1.0 + 0.2 * noise(i, k),
        Kind::Mean => 0.1 * noise(i, k),
    })
}

fn noise(i: f64, k: f64) -> f64 {
    let wave = ((i + 1.0) * 12.9898 + (k + 1.0) * 78.233).sin() * 43758.5453;
    2.0 * (wave - wave.floor()) - 1.0
}

/// A golden file's input `[batch, 3, height, width]`, as `[batch, height, width, 3]`.
fn made_input(shape: &[usize], formula: fn(f64) -> f64) -> Tensor<4> {
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|i: usize| formula(i as f64) as f32).collect();
    let tensor = Tensor::<4>::from_data(TensorData::new(numbers, shape.to_vec()), &Device::flex());
    tensor.permute([0, 2, 3, 1])
}

/// The input of `torch.json`.
fn formula_input(shape: &[usize]) -> Tensor<4> {
    made_input(shape, |i| (0.013 * i).sin() + 0.5 * (0.00071 * i).sin())
}

/// The input of `gradients.json`.
fn noise_input(shape: &[usize]) -> Tensor<4> {
    made_input(shape, |i| noise(i, 999.0))
}

fn scores(network: &VisionNetwork, input: Tensor<4>) -> Tensor<2> {
    network.forward(input.into(), 0..network.stages().len()).single()
}

/// Largest difference over largest magnitude.
fn relative_difference(found: &[f64], expected: &[f64]) -> f64 {
    let largest = expected.iter().fold(0.0f64, |largest, number| largest.max(number.abs()));
    let difference = found.iter().zip(expected).fold(0.0f64, |worst, (a, b)| worst.max((a - b).abs()));
    difference / largest
}

fn shape(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|number| number as usize).collect()
}

fn check_torchvision(name: &str) {
    let model = &golden("torch.json")["models"][name];
    let network = network(name, 10);
    let network = weights::load(network.clone(), &formula_weights(&network));
    let input = || formula_input(&shape(&model["input"]));

    let expected: Vec<f64> = model["eval_logits"].as_array().unwrap().iter().flat_map(numbers).collect();
    let found: Vec<f64> = scores(&network.valid(), input()).into_data().iter::<f64>().collect();
    let difference = relative_difference(&found, &expected);
    assert!(difference < 1e-4, "{name}: logits differ by {difference:e}");

    if model["train_loss"].is_number() {
        check_training(name, network, input(), model);
    }
}

/// Loss and running statistics of one training pass with batch statistics.
fn check_training(name: &str, network: VisionNetwork, input: Tensor<4>, model: &Value) {
    let network = thawed(network, NormMode::Batch);
    let loss = loss(&network, input, &model["targets"]);
    let expected = model["train_loss"].as_f64().unwrap();
    let found = f64::from(loss.into_scalar::<f32>());
    assert!((found / expected - 1.0).abs() < 1e-3, "{name}: loss {found} and not {expected}");

    let after = weights::collect(&network);
    for (statistic, expected) in model["running_after_one_train_forward"].as_object().unwrap() {
        let found: Vec<f64> = after[&format!("body.{statistic}")].iter::<f64>().take(4).collect();
        let difference = relative_difference(&found, &numbers(expected)[..found.len()]);
        assert!(difference < 1e-4, "{name}: {statistic} differs by {difference:e}");
    }
}

fn thawed(network: VisionNetwork, norm: NormMode) -> VisionNetwork {
    let plan = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), norm);
    plan.apply(network.train())
}

fn loss(network: &VisionNetwork, input: Tensor<4>, targets: &Value) -> Tensor<1> {
    let targets: Vec<Target> = shape(targets).into_iter().map(Target::Class).collect();
    let scores = scores(network, input.autodiff());
    let rows = target_rows(&targets, scores.dims()[1], &scores.device());
    CrossEntropy::default().forward(scores, rows)
}

/// Scores, loss and gradient norms under both norm modes, with weights for which they are well conditioned. `kinks`
/// is what nonlinearities may add that fall on the other side of a kink because of the last bit: in
/// PyTorch, weights changed by 1e-7 of themselves move mobilenet_v2's gradients by up to 1.4e-2.
fn check_gradients(name: &str, kinks: f64) {
    let golden = golden("gradients.json");
    let model = &golden["models"][name];
    let input = noise_input(&shape(&model["input"]));
    let network = network(name, 10);
    // What is compared of architectures whose classifier a new head does not replace like for like.
    let stages = 0..network.stages().len() - usize::from(LEFT_BEHIND.contains(&name));
    assert_eq!(tensors_sha256(&network.stages()[stages.clone()]), model["tensors_sha256"], "{name}");
    let network = weights::load(network.clone(), &noise_weights(&network));
    let targets: Vec<Target> = shape(&golden["targets"]).into_iter().map(Target::Class).collect();
    for (mode, norm) in [("batch", NormMode::Batch), ("keep", NormMode::Keep)] {
        let model = &model[mode];
        if model.is_null() {
            continue;
        }
        let network = thawed(network.clone(), norm);
        let scores: Tensor<2> = network.forward(input.clone().autodiff().into(), stages.clone()).single();
        let [batch, classes] = scores.dims();
        let found: Vec<f64> = scores.clone().into_data().iter::<f64>().take(10).collect();
        let difference = relative_difference(&found, &numbers(&model["scores"]));
        // What f32 costs PyTorch's gradients, which pass the network twice, bounds what it may cost scores.
        let spread = model["f32_spread"].as_f64().unwrap();
        assert!(difference < 1e-4 + spread, "{name} {mode}: scores differ by {difference:e}");

        let rows = target_rows(&targets[..batch], classes, &scores.device());
        let loss = CrossEntropy::default().forward(scores, rows);
        let (found, expected) =
            (f64::from(loss.clone().into_scalar::<f32>()), model["loss"].as_f64().unwrap());
        assert!((found / expected - 1.0).abs() < 1e-4, "{name} {mode}: loss {found} and not {expected}");

        let norms = gradient_norms(&network, loss.backward());
        let trace = model["grad_norms"].as_object().unwrap();
        // A bias before a norm has a gradient that cancels to nothing: what is left of it is rounding.
        let nothing = 1e-6 * trace.values().map(|norm| norm.as_f64().unwrap()).fold(0.0, f64::max);
        // What f32 costs PyTorch it may cost here, in another order of summation.
        let tolerance = 1e-3 + kinks + 2.0 * spread;
        for (parameter, exact) in trace {
            // A norm over the batch does not even ask for the gradient of the bias before it.
            let (found, exact) = (norms.get(parameter).copied().unwrap_or(0.0), exact.as_f64().unwrap());
            let allowed = tolerance * exact + nothing;
            assert!((found - exact).abs() <= allowed, "{name} {mode}: {parameter} {found} and not {exact}");
        }
    }
}

/// Of a line for each tensor, as a checkpoint calls it: name and dimensions.
fn tensors_sha256(stages: &[Stage]) -> String {
    let line = |parameter: &Parameter| {
        let name = parameter.name.strip_prefix("body.").unwrap_or(&parameter.name);
        format!("{name} {:?}\n", parameter.shape)
    };
    let lines: String = stages.iter().flat_map(|stage| &stage.parameters).map(line).collect();
    Fingerprint::sha256(lines.as_bytes()).to_string()
}

/// Architectures that are compared by the averages of their last features.
const LEFT_BEHIND: [&str; 2] = ["squeezenet1_1", "vgg16_bn"];

macro_rules! golden_tests {
    ($($test:ident: $name:literal, kinks $kinks:literal;)+) => {
        $(
            #[test]
            fn $test() {
                check_gradients($name, $kinks);
            }
        )+
    };
}

golden_tests! {
    resnet18_has_torchvisions_gradients: "resnet18", kinks 0.0;
    resnet34_has_torchvisions_gradients: "resnet34", kinks 0.0;
    resnet50_has_torchvisions_gradients: "resnet50", kinks 0.0;
    resnet101_is_torchvisions: "resnet101", kinks 0.0;
    resnext50_is_torchvisions: "resnext50_32x4d", kinks 0.0;
    wide_resnet50_is_torchvisions: "wide_resnet50_2", kinks 0.0;
    mobilenet_v2_has_torchvisions_gradients: "mobilenet_v2", kinks 1e-2;
    efficientnet_lite1_is_timms: "efficientnet_lite1", kinks 0.0;
    efficientnet_lite2_is_timms: "efficientnet_lite2", kinks 0.0;
    densenet121_is_torchvisions: "densenet121", kinks 0.0;
    squeezenet1_1_is_torchvisions: "squeezenet1_1", kinks 0.0;
    vgg16_bn_is_torchvisions: "vgg16_bn", kinks 0.0;
    mobilenet_v3_small_is_torchvisions: "mobilenet_v3_small", kinks 0.0;
    mobilenet_v3_large_is_torchvisions: "mobilenet_v3_large", kinks 0.0;
    convnext_tiny_is_torchvisions: "convnext_tiny", kinks 0.0;
    convnext_small_is_torchvisions: "convnext_small", kinks 0.0;
    vit_small_is_timms: "vit_small_patch16_224", kinks 0.0;
    vit_base_is_timms: "vit_base_patch16_224", kinks 0.0;
    dinov2_is_timms: "vit_small_patch14_dinov2", kinks 0.0;
}

#[test]
fn resnets_have_torchvisions_logits() {
    for name in ["resnet18", "resnet34", "resnet50"] {
        check_torchvision(name);
    }
}

#[test]
fn mobilenet_v2_has_torchvisions_logits() {
    check_torchvision("mobilenet_v2");
}

#[test]
fn fastais_resnet_groups_have_fastais_parameters() {
    for (name, expected) in golden("fastai.json")["resnet_groups_37_classes"].as_object().unwrap() {
        let device = Device::flex();
        let architecture = Architecture::named(name).unwrap();
        let body = architecture.body(&PretrainedConfig::TORCHVISION, &device);
        let head = HeadKind::ConcatPool.init(body.channels(), 37, &device);
        let starts = architecture.group_starts;
        let network = VisionNetwork::new(body, head, Precision::F32, starts, true);
        let groups = LayerGroups::of(&network).unwrap();
        let counts: Vec<usize> = (0..groups.count()).map(|group| groups.parameter_count(group)).collect();
        assert_eq!(counts, shape(&expected["params_per_group"]), "{name}");
        let head: Vec<Value> =
            expected["head"].as_array().unwrap().iter().map(|entry| entry[1].clone()).collect();
        let found = groups.stages().last().unwrap().parameters.iter().filter(|p| p.role != Role::Buffer);
        assert_eq!(
            found.map(|p| p.shape.clone()).collect::<Vec<_>>(),
            head.iter().map(shape).collect::<Vec<_>>()
        );
    }
}

/// EfficientNet-Lite0 with the embedded weights and the classifier they were trained with.
fn lite0() -> VisionNetwork {
    let network = network("efficientnet_lite0", 1000);
    let file = Architecture::named("efficientnet_lite0").unwrap().embedded.unwrap();
    let body = weights::safetensors::parse(file).unwrap().tensors.into_iter();
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/efficientnet_lite0_classifier.safetensors");
    let classifier = weights::safetensors::read(Path::new(path)).unwrap().tensors;
    let tensors: Tensors =
        body.map(|(name, data)| (format!("body.{name}"), data)).chain(classifier).collect();
    weights::check_fit("embedded", "efficientnet_lite0", &network.stages(), &tensors).unwrap();
    weights::load(network, &tensors).valid()
}

#[test]
fn efficientnet_lite0_is_timms() {
    let expected = &golden("lite0.json")["efficientnet_lite0"];
    let found: Vec<f64> =
        scores(&lite0(), formula_input(&[1, 3, 224, 224])).into_data().iter::<f64>().collect();
    // The same weights, rounded to f16 as they are embedded.
    let difference = relative_difference(&found, &numbers(&expected["logits_f16"]));
    assert!(difference < 1e-4, "logits differ by {difference:e}");
    // The original f32 weights: what rounding to f16 costs, measured on PyTorch, is 2.3e-3.
    let first = &numbers(&expected["logits_first_20"]);
    let difference = relative_difference(&found[..20], first);
    assert!(difference < 1e-2, "logits differ by {difference:e} from the original weights'");
}

#[test]
fn images_are_recognised() {
    let network = lite0();
    let expected = &golden("lite0.json")["efficientnet_lite0"]["images"];
    let config = &Architecture::named("efficientnet_lite0").unwrap().config;
    let (mean, std) = (config.mean, config.std);
    let preprocess = Preprocess { resize_to: 256, mean, std, ..Preprocess::imagenet(224) };
    for (file, accepted) in [
        ("chelsea.png", &[281, 282, 285]),
        ("coffee.png", &[504, 967, 968]),
        ("rocket.jpg", &[657, 744, 812]),
    ] {
        assert!(
            expected.to_string().contains(file.split('.').next().unwrap()),
            "{file} has no golden numbers"
        );
        let path = format!("{}/tests/fixtures/recognise/{file}", env!("CARGO_MANIFEST_DIR"));
        let mut values = vec![0.0; preprocess.values()];
        preprocess.apply(&Image::open(path).unwrap(), &Draw::default(), &mut values);
        let input = Tensor::from_data(TensorData::new(values, [1, 224, 224, 3]), &Device::flex());
        let scores: Vec<f32> = scores(&network, input).into_data().iter::<f32>().collect();
        let class = defrost::metrics::highest(&scores);
        assert!(accepted.contains(&class), "{file} is taken for class {class}");
    }
}
