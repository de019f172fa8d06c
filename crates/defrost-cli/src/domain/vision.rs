//! Folders of images.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use defrost::bundle::{self, Loaded, ModelConfig};
use defrost::check::Report;
use defrost::learner::{TestTimeAugmentation, first_batch};
use defrost::vision::augment::AugmentPolicy;
use defrost::vision::image::Image;
use defrost::vision::{
    ImageData, ImageModelConfig, LabelTable, Labelling, SetupError, VisionSetup, VisionStart, WeightSource,
    image_files, image_grid,
};
use defrost::{HeadKind, SplitData};

use super::hub::{Bars, blame};
use super::{Answer, Data, Domain, Labelled, Outline, Prepared};
use crate::args::{Augment, LabelOptions, TrainingOptions};
use crate::failure::{Blame, Failure};
use crate::show::tell;
use crate::training;

/// Images in a folder per class.
pub struct Vision;

impl Domain for Vision {
    type Config = ImageModelConfig;
    const ITEMS: &'static str = "images";
    const CAN_CUT: bool = true;

    fn prepare(
        options: &TrainingOptions,
        data: &Path,
        device: &Device,
    ) -> Result<Prepared<ImageModelConfig>, Failure> {
        let setup = setup(options, weight_source(options)?)?;
        let start = opened(&setup)?;
        let folder = images(options, data)?.read(start.preprocess()).or_usage()?;
        let (network, model, fit) = start.build(folder.outputs(), device).or_usage()?;
        let mut data = Data::from(folder);
        data.notes.extend(fit.filter(|_| setup.reads_file()).map(|fit| format!("weights: {fit}").into()));
        Ok(Prepared { data, network, precision: model.precision, model })
    }

    fn outline(
        options: &TrainingOptions,
        data: Option<&Path>,
        classes: usize,
        device: &Device,
    ) -> Result<Outline<ImageModelConfig>, Failure> {
        // Nothing is downloaded for a plan.
        let source = match weight_source(options)? {
            WeightSource::Hub(_) => WeightSource::Usual,
            source => source,
        };
        let setup = setup(options, source)?;
        let model = setup.outline().or_usage()?;
        let read = |data: &Path| images(options, data)?.read(&model.preprocess).or_usage();
        let folder = data.map(read).transpose()?;
        let classes = folder.as_ref().map_or(classes, SplitData::outputs);
        let data = folder.map(Data::from);
        let train_items = data.as_ref().map(|data| data.train.len());
        let reading = data.as_ref().and_then(|data| data.report.reading.clone());
        if !setup.reads_file() {
            let network = model.network(classes, device).or_usage()?;
            return Ok(Outline { model, network, train_items, reading, data });
        }
        let (network, model, fit) = setup.open().and_then(|start| start.build(classes, device)).or_usage()?;
        if let Some(fit) = fit {
            tell!("weights: {fit}");
        }
        Ok(Outline { model, network, train_items, reading, data })
    }

    fn check(options: &TrainingOptions, data: &Path) -> Result<Report, Failure> {
        let size = setup(options, WeightSource::Usual)?.outline().or_usage()?.preprocess.size;
        let images = ImageData::to_check(data, labelling(options)?).or_usage()?;
        as_asked(images, options).check(size).or_usage()
    }

    fn show_batch(options: &TrainingOptions, data: &Path) -> Result<Image, Failure> {
        let setup = setup(options, weight_source(options)?)?;
        let start = opened(&setup)?;
        let preprocess = start.preprocess();
        let SplitData { classes, train, .. } = images(options, data)?.read(preprocess).or_usage()?;
        let learner = options.learner();
        let batch = first_batch(&train, classes.len().max(1), &learner, &training::device()).or_failure()?;
        image_grid(&batch, &classes, preprocess)
            .ok_or_else(|| Failure::usage("--show-batch: there are no images to train on"))
    }

    fn labelled(
        run: &Loaded<ImageModelConfig>,
        data: &Path,
        labels: &LabelOptions,
        tta: TestTimeAugmentation,
    ) -> Result<Labelled, Failure> {
        let (images, skipped) = run.labelled(data, &labels.labelling(), tta).or_usage()?;
        Ok((Box::new(images), skipped))
    }

    fn predict(run: &Loaded<ImageModelConfig>, inputs: &[PathBuf], tta: TestTimeAugmentation) -> Vec<Answer> {
        let read = |input: &PathBuf| Image::open(input).map_err(|error| error.to_string());
        let inputs = &inputs.iter().flat_map(|input| files_of(input)).collect::<Vec<_>>();
        let names = inputs.iter().map(|input| input.display().to_string());
        names.zip(run.predict_all(inputs, tta, read)).collect()
    }
}

/// The images in a folder and below it, or a file by itself.
fn files_of(input: &Path) -> Vec<PathBuf> {
    let files = if input.is_dir() { image_files(input).unwrap_or_default() } else { vec![] };
    if files.is_empty() { vec![input.to_owned()] } else { files }
}

/// What the network is made of.
fn setup(options: &TrainingOptions, weights: WeightSource) -> Result<VisionSetup, Failure> {
    Ok(VisionSetup {
        architecture: architecture(options)?,
        weights,
        offline: options.offline,
        channels: options.channels,
        size: options.size,
        precision: options.precision(),
        cut: options.cut.clone(),
        head: options.head.map_or_else(HeadKind::default, HeadKind::from),
        seed: options.seed,
    })
}

/// The architecture asked for, or else that of the run to go on from.
fn architecture(options: &TrainingOptions) -> Result<String, Failure> {
    match (&options.arch, &options.pretrained) {
        (Some(arch), _) => Ok(arch.clone()),
        (None, Some(run)) => Ok(bundle::manifest::<ImageModelConfig>(run).or_usage()?.model.architecture),
        (None, None) => Ok(VisionSetup::default().architecture),
    }
}

/// Where the weights come from.
fn weight_source(options: &TrainingOptions) -> Result<WeightSource, Failure> {
    if let Some(run) = &options.pretrained {
        return Ok(WeightSource::Run(run.clone()));
    }
    match options.weights.as_deref().map(WeightSource::from) {
        None => Ok(WeightSource::Usual),
        Some(WeightSource::File(path)) if !path.exists() => Err(Failure::usage(format!(
            "--weights {}: there is no such file; say embedded, hub, hub:OWNER/NAME, none, or the path of a \
             .safetensors or .pth file",
            path.display()
        ))),
        Some(source) => Ok(source),
    }
}

/// The weights, opened; those on the hub are downloaded, if they are not in its cache.
fn opened(setup: &VisionSetup) -> Result<VisionStart<'_>, Failure> {
    setup.open_watched(&mut Bars::default()).map_err(|error| match error {
        SetupError::Download(error) => blame(error),
        error => Failure::Usage(error.into()),
    })
}

/// Where images have their labels from and, in a table, what they belong to.
fn labelling(options: &TrainingOptions) -> Result<Labelling, Failure> {
    match (options.labels.labelling(), &options.group_column) {
        (Labelling::Table(table), column) => Ok(Labelling::Table(LabelTable {
            group_column: column.clone(),
            format: options.table_file.format(),
            ..table
        })),
        (_, Some(_)) => Err(Failure::usage(
            "--group-column is a column of --labels FILE; --group-regex reads groups off the images' paths",
        )),
        (labelling, None) => Ok(labelling),
    }
}

/// The images, not read yet.
fn images(options: &TrainingOptions, data: &Path) -> Result<ImageData, Failure> {
    Ok(as_asked(ImageData::open_with(data, labelling(options)?).or_usage()?, options))
}

/// Images to be split, varied and kept as the options say.
fn as_asked(images: ImageData, options: &TrainingOptions) -> ImageData {
    let augment = match options.augment {
        Augment::Default => AugmentPolicy::default(),
        Augment::None => AugmentPolicy::none(),
        Augment::Strong => AugmentPolicy::strong(),
    };
    let images = images.validation(options.validation()).augment(augment);
    let images = match &options.group_regex {
        Some(pattern) => images.keep_together(pattern.clone()),
        None => images,
    };
    images.seed(options.seed).memory(options.cache.images())
}
