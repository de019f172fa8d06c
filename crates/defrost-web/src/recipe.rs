//! What the page's controls ask for, as the library's recipes and as the command and the Python lines that do the same.

use defrost::bundle::ModelConfig;
use defrost::learner::AdvisedPlan;
use defrost::vision::ImageModelConfig;
use defrost::{FineTune, Rates, Recipe, Thaw};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::words::{OrThrow, Thrown, json};

/// How the network and the pictures are set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Side of the pictures, in pixels; the network's usual one unless there is one.
    pub size: Option<usize>,
    /// Pictures in a batch.
    pub batch: usize,
    /// Where all random draws come from.
    pub seed: u64,
    /// Layer groups by stage name; the network's own unless there are some.
    pub groups: Option<String>,
    /// The first stage that is left off the body; none is unless there is one.
    #[serde(default)]
    pub cut: Option<String>,
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The best head on the frozen body.
    Head,
    /// The best head, then the body thawed from a position, and the better of the two.
    Thaw,
    /// A new head and the body from a position, together from the start.
    FromStart,
}

/// A training that the page asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is trained.
    pub kind: Kind,
    /// Epochs in which the body is thawed.
    pub epochs: usize,
    /// The first group that trains in them.
    pub freeze_to: usize,
    /// The highest rate of each group while the body is thawed; the network's own unless there are some.
    #[serde(default)]
    pub rates: Option<Vec<f64>>,
}

/// The same training elsewhere.
#[derive(Serialize)]
pub struct Words {
    command: String,
    python: String,
}

/// The words for a training of a network with this number of groups, as JSON.
#[wasm_bindgen(js_name = inWords)]
pub fn in_words(settings: &str, request: &str, groups: usize) -> Thrown<String> {
    let settings: Settings = serde_json::from_str(settings).or_throw()?;
    let request: Request = serde_json::from_str(request).or_throw()?;
    json(&request.words(&settings, groups))
}

impl Request {
    /// The library's recipe.
    pub fn recipe(&self, model: &ImageModelConfig, groups: usize) -> Recipe {
        let usual = self.usual(model);
        match self.kind {
            Kind::Head => Recipe::Auto(usual),
            Kind::Thaw => {
                let thaw = match self.freeze_to {
                    0 => usual.thaw.clone(),
                    from => Thaw::Only(thawed(from, groups)),
                };
                Recipe::Auto(FineTune { thaw, ..usual })
            }
            Kind::FromStart => Recipe::freeze_to(self.freeze_to as isize, self.epochs, usual.rates),
        }
    }

    /// The network's own recipe with the epochs and rates asked for.
    pub fn usual(&self, model: &ImageModelConfig) -> FineTune {
        let usual = model.recipe(if self.kind == Kind::Head { 0 } else { self.epochs });
        FineTune { rates: self.given_rates().unwrap_or(usual.rates.clone()), ..usual }
    }

    /// The rates as a recipe takes them, which halves those of the thawed phase.
    fn given_rates(&self) -> Option<Rates> {
        let rates = self.rates.clone().map(Rates::Each);
        match self.kind {
            Kind::Head => None,
            Kind::Thaw => rates.map(|rates| rates.scaled(1.0 / FineTune::UNFROZEN)),
            Kind::FromStart => rates,
        }
    }

    /// The command and the Python lines.
    pub fn words(&self, settings: &Settings, groups: usize) -> Words {
        Words { command: self.command(settings, groups), python: self.python(settings, groups) }
    }

    /// The words of `defrost train` that do the same.
    pub fn command(&self, settings: &Settings, groups: usize) -> String {
        let Self { kind, epochs, freeze_to, .. } = self;
        let mut words = vec!["defrost train photos".to_owned()];
        match kind {
            Kind::Head => words.push("--epochs 0".to_owned()),
            Kind::Thaw => {
                words.push(format!("--epochs {epochs}"));
                let thaw = thawed(*freeze_to, groups).join(",");
                words.extend((*freeze_to > 0).then(|| format!("--thaw {thaw}")));
            }
            Kind::FromStart => words.push(format!("--freeze-to {freeze_to} --epochs {epochs}")),
        }
        words.extend(self.given_rates().map(|rates| format!("--lr {rates}")));
        words.extend(settings.cut.iter().map(|stage| format!("--cut {stage}")));
        words.extend(settings.size.map(|size| format!("--size {size}")));
        words.extend((settings.batch != BATCH).then(|| format!("--batch {}", settings.batch)));
        words.extend((settings.seed != SEED).then(|| format!("--seed {}", settings.seed)));
        words.extend(settings.groups.iter().map(|groups| format!("--groups '{groups}'")));
        words.join(" ")
    }

    /// The Python lines that do the same.
    fn python(&self, settings: &Settings, groups: usize) -> String {
        let Self { kind, epochs, freeze_to, .. } = self;
        let mut given = vec!["\"photos\"".to_owned()];
        given.extend(settings.cut.iter().map(|stage| format!("cut=\"{stage}\"")));
        given.extend(settings.size.map(|size| format!("size={size}")));
        given.extend((settings.batch != BATCH).then(|| format!("batch={}", settings.batch)));
        given.extend((settings.seed != SEED).then(|| format!("seed={}", settings.seed)));
        given.extend(settings.groups.iter().map(|groups| format!("groups=\"{groups}\"")));
        let rates = self.given_rates();
        let train = match kind {
            Kind::Head => "learn.train(0)".to_owned(),
            Kind::Thaw => {
                let mut words = vec![epochs.to_string()];
                words.extend(rates.map(|rates| format!("lr={}", in_python(&rates))));
                let thaw = thawed(*freeze_to, groups).join(", ");
                words.extend((*freeze_to > 0).then(|| format!("thaw=[{thaw}]")));
                format!("learn.train({})", words.join(", "))
            }
            Kind::FromStart => {
                let rates = rates.unwrap_or_else(|| FineTune::brisk(*epochs).rates);
                format!("learn.freeze_to({freeze_to})\nlearn.fit_one_cycle({epochs}, {})", in_python(&rates))
            }
        };
        format!("learn = vision_learner({})\n{train}", given.join(", "))
    }
}

/// The page's controls as an advice sets them.
#[derive(Serialize)]
pub struct Controls {
    /// What to train.
    pub kind: Kind,
    /// Where the slider stands.
    pub freeze_to: usize,
    /// The first stage to leave off.
    pub cut: Option<String>,
}

impl Controls {
    /// The controls for an advised plan of a network with this number of groups; none where only the command can do it.
    pub fn advised(plan: &AdvisedPlan, groups: usize) -> Option<Self> {
        let head = groups - 1;
        let controls = |kind, freeze_to| Some(Self { kind, freeze_to, cut: None });
        match plan {
            AdvisedPlan::All => controls(Kind::Thaw, 0),
            AdvisedPlan::HeadOnly => controls(Kind::Head, head),
            AdvisedPlan::Cut { stage } => {
                Some(Self { kind: Kind::Head, freeze_to: head, cut: Some(stage.clone()) })
            }
            AdvisedPlan::Thaw { groups } => match groups.first() {
                Some(&first) if groups.iter().copied().eq(first..head) => controls(Kind::Thaw, first),
                _ => None,
            },
            AdvisedPlan::Gradual => None,
        }
    }
}

/// The command of an advice; `request` is what the page asked it for.
pub fn advised_command(plan: &AdvisedPlan, settings: &Settings, request: &Request, groups: usize) -> String {
    if let Some(Controls { kind, freeze_to, cut }) = Controls::advised(plan, groups) {
        let settings = Settings { cut: cut.or(settings.cut.clone()), ..settings.clone() };
        return Request { kind, freeze_to, ..request.clone() }.command(&settings, groups);
    }
    let all = Request { kind: Kind::Thaw, freeze_to: 0, ..request.clone() }.command(settings, groups);
    match plan {
        AdvisedPlan::Thaw { groups: thawed } => {
            let thawed: Vec<String> = thawed.iter().chain([&(groups - 1)]).map(usize::to_string).collect();
            format!("{all} --thaw {}", thawed.join(","))
        }
        _ => format!("{all} --gradual"),
    }
}

/// What the command takes where nothing else is said.
const BATCH: usize = 32;
const SEED: u64 = 42;

/// The indices of the groups from this one on.
fn thawed(from: usize, groups: usize) -> Vec<String> {
    (from..groups).map(|group| group.to_string()).collect()
}

/// Rates as the Python package takes them.
fn in_python(rates: &Rates) -> String {
    match rates {
        Rates::One(rate) => format!("{rate:e}"),
        Rates::UpTo(high) => format!("slice({high:e})"),
        Rates::Between(low, high) => format!("slice({low:e}, {high:e})"),
        Rates::Each(rates) => {
            let each: Vec<String> = rates.iter().map(|rate| format!("{rate:e}")).collect();
            format!("[{}]", each.join(", "))
        }
    }
}
