//! Stages say what forward passes do: in every network there is, and `stage::check` sees it where they don't.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use defrost::layers::{Dropout, Linear};
use defrost::stage::{StageError, check};
use defrost::tabular::{CellValue, Column, Design, Schema, TabularNetwork};
use defrost::text::models::{AwdLstmConfig, BertConfig, Dropouts, TextConfig, TextNetwork};
use defrost::vision::models::{Architecture, Head, HeadKind, LinearHead, Precision, VisionNetwork};
use defrost::{Batch, Network, Stage, Value};

use crate::own_architecture::architectures;
use crate::support::Small;

fn wave<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|i: usize| (i as f32 * 12.9898).sin()).collect();
    Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
}

fn ids(rows: [[i64; 4]; 2]) -> Tensor<2, Int> {
    Tensor::from_ints(rows, &Device::flex())
}

fn check_images(architecture: &Architecture, head: impl Fn(usize, &Device) -> Head) {
    let device = Device::flex();
    let body = architecture.body(&architecture.config, &device);
    let head = head(body.channels(), &device);
    let network = VisionNetwork::new(body, head, Precision::F32, architecture.group_starts, true);
    let size = architecture.sizes.least.max(32).next_multiple_of(architecture.sizes.step);
    let result = check(&network, wave([2, size, size, 3]).into());
    assert_eq!(result, Ok(()), "{}", architecture.name);
}

#[test]
fn image_networks_keep_to_their_stages() {
    for architecture in architectures() {
        check_images(architecture, |channels, device| HeadKind::ConcatPool.init(channels, 3, device));
    }
    let architecture = Architecture::named("tiny").unwrap();
    check_images(architecture, |channels, device| HeadKind::Linear.init(channels, 3, device));
    check_images(architecture, |channels, device| {
        Head::Linear(LinearHead::pretrained("classifier.1", channels, 3, device))
    });
}

#[test]
fn text_networks_keep_to_their_stages() {
    let bert = BertConfig {
        vocabulary: 8,
        hidden: 8,
        blocks: 2,
        heads: 2,
        intermediate: 12,
        positions: 6,
        ..BertConfig::minilm()
    };
    let distilbert = BertConfig { token_types: 0, ..bert.clone() };
    let lstm = AwdLstmConfig::of(8, 4, 6, 3, Dropouts::CLASSIFIER);
    for config in [TextConfig::from(bert), distilbert.into(), lstm.into()] {
        let network = TextNetwork::new(&config, HeadKind::ConcatPool, 3, true, &Device::flex());
        let texts = [ids([[1, 2, 3, 0], [4, 5, 6, 7]]), ids([[1, 1, 1, 0], [1, 1, 1, 1]])];
        assert_eq!(check(&network, Batch::new(texts.map(Value::Ids).to_vec())), Ok(()), "{}", config.name());
    }
}

#[test]
fn table_networks_keep_to_their_stages() {
    for design in [Design::Fastai, Design::Quantiles] {
        let category = || Column::learn(design, "category".to_owned(), &["a", "b"].map(CellValue::Text));
        let number = || Column::learn(design, "number".to_owned(), &[0.0, 0.5, 2.0].map(CellValue::Number));
        let categories = || Value::Ids(Tensor::from_ints([[0], [2], [1]], &Device::flex()));
        for columns in [vec![category()], vec![number()], vec![category(), number()]] {
            let schema = Schema::of_columns(design, columns);
            let network = TabularNetwork::new(&schema, 2, false, &Device::flex());
            let categories = (!schema.cardinalities().is_empty()).then(categories);
            let numbers = (schema.numbers() > 0).then(|| Value::Rank2(wave([3, schema.numbers()])));
            assert_eq!(check(&network, Batch::new(categories.into_iter().chain(numbers).collect())), Ok(()));
        }
    }
}

#[test]
fn the_small_network_of_other_tests_keeps_to_its_stages() {
    assert_eq!(check(&Small::new(), wave([3, 6]).into()), Ok(()));
}

/// What may be wrong with a network of three dense layers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    NoStages,
    SameStage,
    SameTensor,
    Missing,
    MissingFlag,
    Twice,
    Unknown,
    Panics,
    NotEmpty,
    Differs,
    Unused,
    Foreign,
}

#[derive(Module, Debug)]
struct Faulty {
    first: Linear,
    second: Linear,
    dropout: Dropout,
    head: Linear,
    #[module(skip)]
    fault: Option<Fault>,
}

impl Faulty {
    fn new(fault: Option<Fault>) -> Self {
        let device = Device::flex();
        let dense = || Linear::new(4, 4, true, &device);
        Self { first: dense(), second: dense(), dropout: Dropout::new(0.5), head: dense(), fault }
    }
}

impl Network for Faulty {
    fn stages(&self) -> Vec<Stage> {
        let mut head = Stage::of("head", "head.", &self.head);
        head.training_flags.extend(Stage::of("", "", &self.dropout).training_flags);
        let mut stages = vec![
            Stage::of("first", "first.", &self.first),
            Stage::of("second", "second.", &self.second),
            head,
        ];
        match self.fault {
            Some(Fault::NoStages) => stages.clear(),
            Some(Fault::SameStage) => stages[1].name = "first".to_owned(),
            Some(Fault::SameTensor) => stages[2] = Stage::of("head", "second.", &self.head),
            Some(Fault::Missing) => drop(stages.remove(1)),
            Some(Fault::MissingFlag) => stages[2].training_flags.clear(),
            Some(Fault::Twice) => stages[2] = Stage::of("head", "again.", &self.second),
            Some(Fault::Unknown) => {
                let other = Linear::new(4, 4, true, &Device::flex());
                stages.insert(2, Stage::of("other", "other.", &other));
            }
            Some(Fault::Panics) => stages.push(Stage::of("fourth", "", &self.dropout)),
            _ => {}
        }
        stages
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let (start, count) = (stages.start, stages.len());
        let mut x = input.single::<2>();
        for stage in stages {
            let used = match self.fault {
                Some(Fault::Unused) if stage == 1 => 0,
                Some(Fault::Foreign) if stage == 0 => 3,
                _ => stage,
            };
            x = match used {
                0 => self.first.forward(x),
                1 => self.second.forward(x),
                2 => self.head.forward(self.dropout.forward(x)),
                3 if self.fault == Some(Fault::Foreign) => self.first.forward(self.head.forward(x)),
                _ => panic!("there is no stage {stage}"),
            };
        }
        match self.fault {
            Some(Fault::NotEmpty) if count == 0 => x * 2.0,
            Some(Fault::Differs) if (start, count) == (1, 2) => x * 2.0,
            _ => x,
        }
        .into()
    }
}

#[test]
fn what_disagrees_is_said() {
    let result = |fault| check(&Faulty::new(fault), wave([3, 4]).into());
    assert_eq!(result(None), Ok(()));
    for (fault, expected) in [
        (Fault::NoStages, "the network lists no stages"),
        (Fault::SameStage, "two stages are called `first`"),
        (Fault::SameTensor, "two tensors are called `second.weight`, in stage `second` and in stage `head`"),
        (Fault::Missing, "parameter `second.weight` of the network is in no stage"),
        (Fault::MissingFlag, "training flag `dropout.training` of the network is in no stage"),
        (Fault::Twice, "parameter `again.weight` is in stage `second` and in stage `head`"),
        (Fault::Unknown, "stage `other` lists parameter `other.weight`, which the network doesn't hold"),
        (Fault::Panics, "running stages 3 to 4 of 4 (`fourth`, …) panics: there is no stage 3"),
        (Fault::NotEmpty, "running no stages changes the input"),
        (Fault::Differs, "running stages 1 to 3 at once gives something else than running them one by one"),
        (Fault::Unused, "stage `second` lists parameter `second.weight`, and running it doesn't use it"),
        (
            Fault::Foreign,
            "running stage `first` uses parameter `head.weight`, which is in stage `head` behind it",
        ),
    ] {
        let error: StageError = result(Some(fault)).unwrap_err();
        assert_eq!(error.to_string(), expected, "{fault:?}");
    }
}
