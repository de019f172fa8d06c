//! Folders of images.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use defrost::bundle::{Loaded, ModelConfig};
use defrost::check::Report;
use defrost::learner::{TestTimeAugmentation, first_batch};
use defrost::vision::augment::AugmentPolicy;
use defrost::vision::image::Image;
use defrost::vision::{
    ImageData, ImageModelConfig, LabelTable, Labelling, SetupError, VisionSetup, VisionStart, WeightSource,
    image_files, image_grid,
};
use defrost::{HeadKind, Pretrained, SplitData};

use super::hub::{Bars, blame};
use super::{Answer, Domain, Labelled, Outline, Prepared};
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
        let precision = model.precision;
        let mut prepared = Prepared::of(options, folder, (network, model, precision))?;
        // With --continue all of the run is taken.
        let told = fit.filter(|_| setup.reads_file() && options.continued.is_none());
        prepared.data.notes.extend(told.map(|fit| format!("weights: {fit}").into()));
        Ok(prepared)
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
        let (network, model) = match setup.reads_file() {
            true => {
                let start = setup.open().or_usage()?;
                let (network, model, fit) = start.build(classes, device).or_usage()?;
                let told = fit.filter(|_| options.continued.is_none());
                told.iter().for_each(|fit| tell!("weights: {fit}"));
                (network, model)
            }
            false => (model.network(classes, device).or_usage()?, model),
        };
        Outline::of(options, folder, (network, model))
    }

    fn check(options: &TrainingOptions, data: &Path) -> Result<Report, Failure> {
        let size = setup(options, weight_source(options)?)?.outline().or_usage()?.preprocess.size;
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
    let pretrained = Pretrained {
        name: options.arch.clone(),
        weights,
        precision: Some(options.precision()),
        size: options.size,
        channels: options.channels,
        cut: options.cut.clone(),
        head: options.head.map(HeadKind::from),
        continued: options.continued.is_some(),
        offline: options.offline,
    };
    VisionSetup::of(&pretrained, options.seed).or_usage()
}

/// Where the weights come from.
fn weight_source(options: &TrainingOptions) -> Result<WeightSource, Failure> {
    if let Some(run) = options.earlier_run() {
        return Ok(WeightSource::Run(run.to_owned()));
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
    if options.labels.valid_column.is_some() && options.labels.labels.is_none() {
        return Err(Failure::usage("--valid-column is a column of --labels FILE; --valid names a folder"));
    }
    options.labels.refuse_without_table()?;
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
