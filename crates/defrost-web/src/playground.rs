//! Pictures and a network that learns them, a few batches at a time.

use std::path::Path;
use std::time::Duration;

use burn::tensor::Device;
use defrost::data::Dataset;
use defrost::interpret::movements;
use defrost::learner::{
    AdviseOptions, Budget, CheckpointOptions, UnfinishedRun, checkpoint_note, first_batch,
};
use defrost::platform::Instant;
use defrost::report::{
    self, About, Ended, PredictedItem, Problems, Report, State, advice_section, batch_losses, draw_plan,
};
use defrost::vision::{
    ImageFolder, ImageLearner, ImageModelConfig, Images, VisionSetup, WeightSource, image_grid,
};
use defrost::weights::{self, Tensors};
use defrost::{GroupSummary, LearnerOptions, PlanSummary, Precision, Reading, ResolvedPhase, SplitData};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::events::{Event, Events};
use crate::recipe::{Controls, Request, Settings, Words, advised_command};
use crate::words::{OrThrow, Thrown, json, note, with_words};

/// Bytes of decoded pictures that are kept.
const DECODED: u64 = 192 << 20;
/// How long training goes on without a checkpoint.
const CHECKPOINT: Duration = Duration::from_secs(10);

/// A learner over the pictures in a folder.
#[wasm_bindgen]
pub struct Playground {
    learner: Box<ImageLearner>,
    model: ImageModelConfig,
    settings: Settings,
    about: About,
    told: String,
    batch: Vec<u8>,
    /// The weights before any training.
    start: Tensors,
    costs: Vec<u64>,
    events: Events,
    run: Option<Current>,
}

/// The run that is not over.
struct Current {
    run: UnfinishedRun,
    report: Report,
    /// Phases that have begun.
    phases: usize,
    seconds: f64,
}

/// A picture file that is not used, and why.
#[derive(Serialize)]
struct LeftOut {
    path: String,
    reason: String,
}

/// What the page shows of the pictures and the network.
#[derive(Serialize)]
struct Opened<'a> {
    classes: &'a [String],
    train: Vec<usize>,
    valid: Vec<usize>,
    left_out: Vec<LeftOut>,
    notes: &'a [String],
    reading: &'a [String],
    groups: &'a [GroupSummary],
    architecture: &'a str,
    parameters: usize,
    size: usize,
}

/// What a training would be.
#[derive(Serialize)]
struct Planned<'a> {
    svg: String,
    plan: &'a PlanSummary,
    /// Multiply-adds of an epoch of the last phase.
    epoch_cost: u64,
    /// Those of one picture through all of the network.
    picture_cost: u64,
    #[serde(flatten)]
    words: Words,
}

/// An advice, as the page shows it.
#[derive(Serialize)]
struct Advised {
    /// All of it, as HTML.
    section: String,
    /// The controls set as advised; none where only the command can do it.
    controls: Option<Controls>,
}

/// What has happened since the last time.
#[derive(Serialize)]
struct Progress {
    over: bool,
    events: Vec<Event>,
    seconds: f64,
    /// Rows of features that are cached.
    cached: usize,
}

#[wasm_bindgen]
impl Playground {
    /// Reads the pictures in a folder with a folder per class, and puts a new head on the body with these weights.
    pub fn open(folder: &str, weights: &str, settings: &str) -> Thrown<Self> {
        let settings: Settings = serde_json::from_str(settings).or_throw()?;
        let setup = VisionSetup {
            weights: WeightSource::File(weights.into()),
            size: settings.size,
            precision: Precision::F32,
            cut: settings.cut.clone(),
            seed: settings.seed,
            ..VisionSetup::default()
        };
        let start = setup.open().or_throw()?;
        let images = ImageFolder::open(folder).or_throw()?.seed(settings.seed).memory(DECODED);
        let data: SplitData<Images> = images.read(start.preprocess()).or_throw()?;
        let (network, model, _) = start.build(data.outputs(), &Device::flex()).or_throw()?;
        let options = LearnerOptions {
            batch_size: settings.batch,
            seed: settings.seed,
            groups: settings.groups.clone(),
            ..LearnerOptions::default()
        };
        let about = about(&data, &settings);
        let batch = first_batch(&data.train, data.outputs(), &options, &Device::flex()).or_throw()?;
        let grid = image_grid(&batch, &data.classes, &model.preprocess);
        let batch = grid.map(|grid| grid.to_png()).transpose().or_throw()?.unwrap_or_default();
        let left_out: Vec<LeftOut> = data
            .report
            .problems
            .iter()
            .map(|problem| LeftOut {
                path: problem.path.clone(),
                reason: with_words(&problem.detail, problem.remedy.as_ref()),
            })
            .collect();
        let counts = [&data.train, &data.valid].map(|part| {
            let of = |class| (0..part.len()).filter(|&item| part.target(item).class() == Some(class)).count();
            (0..data.classes.len()).map(of).collect::<Vec<usize>>()
        });
        let learner = data.learner(network, options).or_throw()?.with_model(model.clone());
        let summary = learner.summary();
        let [train, valid] = counts;
        let told = json(&Opened {
            classes: &about.classes,
            train,
            valid,
            left_out,
            notes: &about.notes,
            reading: &about.reading,
            groups: &summary.groups,
            architecture: &summary.arch,
            parameters: summary.total_params,
            size: model.preprocess.size,
        })?;
        let events = Events::default();
        let mut learner = Box::new(learner);
        learner.observe(Box::new(events.clone()));
        let (start, costs) = (weights::collect(learner.network()), learner.stage_costs().or_throw()?);
        Ok(Self { learner, model, settings, about, told, batch, start, costs, events, run: None })
    }

    /// The pictures, the split and the layer groups, as JSON.
    pub fn about(&self) -> String {
        self.told.clone()
    }

    /// The first training batch as a PNG file.
    pub fn batch(&self) -> Vec<u8> {
        self.batch.clone()
    }

    /// What this training would be, as JSON: drawn, counted, and as a command.
    pub fn plan(&self, request: &str) -> Thrown<String> {
        let (request, phases) = self.phases(request)?;
        let plan = self.summary(&phases);
        let last = phases.last().map(|phase| self.learner.epoch_cost(&phase.plan)).transpose().or_throw()?;
        json(&Planned {
            svg: draw_plan(&plan, &[], None),
            plan: &plan,
            epoch_cost: last.unwrap_or(0),
            picture_cost: self.costs.iter().sum(),
            words: request.words(&self.settings, self.groups()),
        })
    }

    /// Measures what to freeze for such a training of the pretrained network, with this many passes of a picture through it; the result
    /// as JSON. The worker's `defrostAdvising` hears how far it is.
    pub fn advise(&mut self, request: &str, passes: u32) -> Thrown<String> {
        let request: Request = serde_json::from_str(request).or_throw()?;
        self.learner.start_again(&self.start).or_throw()?;
        let options = AdviseOptions {
            budget: Budget::Passes(passes.into()),
            recipe: Some(request.usual(&self.model)),
            can_cut: true,
            items: "pictures".to_owned(),
        };
        let mut advice = self.learner.advise(&options).or_throw()?;
        let groups = self.groups();
        advice.command = advised_command(&advice.plan, &self.settings, &request, groups);
        let controls = Controls::advised(&advice.plan, groups);
        json(&Advised { section: advice_section(&advice), controls })
    }

    /// Begins a training from the pretrained weights; checkpoints are kept in this folder.
    pub fn begin(&mut self, request: &str, checkpoint: &str) -> Thrown<()> {
        self.learner.start_again(&self.start).or_throw()?;
        self.begin_run(request, checkpoint, |learner, phases| learner.begin(phases))
    }

    /// Goes on with the training that the checkpoint in this folder is of.
    pub fn resume(&mut self, checkpoint: &str) -> Thrown<()> {
        let request = checkpoint_note(Path::new(checkpoint)).or_throw()?;
        self.learner.start_again(&self.start).or_throw()?;
        self.begin_run(&request, checkpoint, |learner, phases| learner.begin_at_checkpoint(phases))?;
        let epochs = self.learner.history().records().to_vec();
        if let Some(current) = &mut self.run {
            current.report.epochs = epochs;
        }
        Ok(())
    }

    /// Trains for about this many milliseconds, one batch at least; returns what has happened, as JSON.
    #[wasm_bindgen(js_name = goOn)]
    pub fn go_on(&mut self, milliseconds: f64) -> Thrown<String> {
        let Some(current) = &mut self.run else {
            return json(&Progress { over: true, events: vec![], seconds: 0.0, cached: 0 });
        };
        let started = Instant::now();
        let rest = Duration::from_secs_f64(milliseconds / 1000.0);
        let over = self.learner.go_on(&mut current.run, move || started.elapsed() >= rest).or_throw()?;
        current.seconds += started.elapsed().as_secs_f64();
        let events = self.events.take();
        for event in &events {
            current.note(event);
        }
        let (seconds, cached) = (current.seconds, self.learner.cache().entries_in_memory());
        json(&Progress { over, events, seconds, cached })
    }

    /// Ends the training after the next batch; the best epoch so far is kept.
    #[wasm_bindgen(js_name = endEarly)]
    pub fn end_early(&self) {
        self.events.end_early(true);
    }

    /// The sections of the report so far, as HTML.
    pub fn sections(&mut self) -> String {
        let Some(current) = &mut self.run else { return String::new() };
        let stages = self.learner.plan().groups().stages();
        let now = weights::collect(self.learner.network());
        current.report.movements = movements(stages, &self.start, &now);
        current.report.sections()
    }

    /// The curve of the batches' losses so far, as SVG.
    pub fn losses(&self) -> String {
        let losses = self.learner.history().batch_losses();
        self.run.as_ref().map_or_else(String::new, |current| batch_losses(&current.report, losses).draw())
    }

    /// Saves the training that is over into a folder; returns its report's sections as HTML.
    pub fn save(&mut self, run: &str) -> Thrown<String> {
        let Some(current) = self.run.take() else { return Ok(String::new()) };
        let folder = Path::new(run);
        let thresholds = self.learner.save(folder).or_throw()?;
        let early = self.events.ends_early().then_some("it was stopped on the page");
        let ended = Ended { seconds: current.seconds, early, start: &self.start, thresholds: &thresholds };
        let report = current.report.ended(&mut self.learner, &self.model, &ended).or_throw()?;
        report::write(folder, &report).or_throw()?;
        let predictions = PredictedItem::all(&mut self.learner, &thresholds).or_throw()?;
        report::write_predictions(folder, &self.learner, &predictions).or_throw()?;
        self.learner.discard_checkpoint().or_throw()?;
        Ok(report.sections())
    }

    fn groups(&self) -> usize {
        self.learner.plan().groups().count()
    }

    fn phases(&self, request: &str) -> Thrown<(Request, Vec<ResolvedPhase>)> {
        let request: Request = serde_json::from_str(request).or_throw()?;
        let recipe = request.recipe(&self.model, self.groups());
        let phases = self.learner.resolve(recipe).or_throw()?;
        Ok((request, phases))
    }

    fn summary(&self, phases: &[ResolvedPhase]) -> PlanSummary {
        let learner = &self.learner;
        PlanSummary::new(&self.model.architecture, learner.plan(), phases, learner.batches_per_epoch(), false)
    }

    fn begin_run(
        &mut self,
        text: &str,
        checkpoint: &str,
        begin: impl FnOnce(&mut ImageLearner, &[ResolvedPhase]) -> Result<UnfinishedRun, defrost::LearnerError>,
    ) -> Thrown<()> {
        let (request, phases) = self.phases(text)?;
        let options = CheckpointOptions {
            every: CHECKPOINT,
            note: text.to_owned(),
            ..CheckpointOptions::new(checkpoint)
        };
        self.learner.checkpoint(options);
        self.events.end_early(false);
        let about = About { command: request.command(&self.settings, self.groups()), ..self.about.clone() };
        let planned = Report::planned(about, self.summary(&phases), &phases);
        let report = Report { monitored: self.learner.monitored_metric().map(str::to_owned), ..planned };
        let run = begin(&mut self.learner, &phases).or_throw()?;
        self.events.take();
        self.run = Some(Current { run, report, phases: 0, seconds: 0.0 });
        Ok(())
    }
}

impl Current {
    /// Puts what has happened into the report.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Phase { name } => {
                let later = self.report.plan.phases.iter().skip(self.phases);
                let phase = self.phases + later.take_while(|phase| phase.name != *name).count();
                self.report.state = State::Running { phase };
                self.phases = phase + 1;
            }
            Event::Epoch { record } => self.report.epochs.push(record.clone()),
            Event::Batch { .. } | Event::RolledBack => {}
        }
    }
}

/// The facts of a run on these pictures.
fn about(data: &SplitData<Images>, settings: &Settings) -> About {
    let made_with = [
        ("defrost", env!("CARGO_PKG_VERSION").to_owned()),
        ("number format", Precision::F32.name().to_owned()),
        ("kernels", "portable, in a browser".to_owned()),
        ("seed", settings.seed.to_string()),
        ("batch", settings.batch.to_string()),
    ];
    About {
        name: "photos".to_owned(),
        task: "vision".to_owned(),
        items: "images".to_owned(),
        classes: data.classes.clone(),
        train: data.train.len(),
        valid: data.valid.len(),
        reading: data.report.reading.iter().flat_map(Reading::lines).collect(),
        notes: data.notes.iter().map(note).collect(),
        command: String::new(),
        made_with: made_with.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        problems: Some(Problems::of(&data.report)),
    }
}
