//! What the page's controls ask for, as the library's recipes and as the command and the Python lines that do the same.

use defrost::bundle::ModelConfig;
use defrost::vision::ImageModelConfig;
use defrost::{FineTune, IntoRates, Rates, RatesError, Recipe, Thaw};
use serde::{Deserialize, Serialize};

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
    /// Rates as the command takes them; the network's own unless there are some.
    pub lr: Option<String>,
}

impl Request {
    /// The library's recipe.
    pub fn recipe(&self, model: &ImageModelConfig, groups: usize) -> Result<Recipe, RatesError> {
        let usual = model.recipe(if self.kind == Kind::Head { 0 } else { self.epochs });
        let rates = match &self.lr {
            Some(text) => text.as_str().into_rates()?,
            None => usual.rates.clone(),
        };
        Ok(match self.kind {
            Kind::Head => Recipe::Auto(usual),
            Kind::Thaw => {
                let thaw = match self.freeze_to {
                    0 => usual.thaw.clone(),
                    from => Thaw::Only((from..groups).map(|group| group.to_string()).collect()),
                };
                Recipe::Auto(FineTune { rates, thaw, ..usual })
            }
            Kind::FromStart => Recipe::freeze_to(self.freeze_to as isize, self.epochs, rates),
        })
    }

    /// The words of `defrost train` that do the same.
    pub fn command(&self, settings: &Settings, groups: usize) -> String {
        let Self { kind, epochs, freeze_to, lr } = self;
        let mut words = vec!["defrost train photos".to_owned()];
        match kind {
            Kind::Head => words.push("--epochs 0".to_owned()),
            Kind::Thaw => {
                words.push(format!("--epochs {epochs}"));
                words.extend((*freeze_to > 0).then(|| format!("--thaw {}", listed(*freeze_to, groups))));
            }
            Kind::FromStart => words.push(format!("--freeze-to {freeze_to} --epochs {epochs}")),
        }
        words.extend(lr.iter().filter(|_| *kind != Kind::Head).map(|lr| format!("--lr {lr}")));
        words.extend(settings.size.map(|size| format!("--size {size}")));
        words.extend((settings.batch != BATCH).then(|| format!("--batch {}", settings.batch)));
        words.extend((settings.seed != SEED).then(|| format!("--seed {}", settings.seed)));
        words.extend(settings.groups.iter().map(|groups| format!("--groups '{groups}'")));
        words.join(" ")
    }

    /// The Python lines that do the same.
    pub fn python(&self, settings: &Settings, groups: usize) -> String {
        let Self { kind, epochs, freeze_to, lr } = self;
        let mut given = vec!["\"photos\"".to_owned()];
        given.extend(settings.size.map(|size| format!("size={size}")));
        given.extend((settings.batch != BATCH).then(|| format!("batch={}", settings.batch)));
        given.extend((settings.seed != SEED).then(|| format!("seed={}", settings.seed)));
        given.extend(settings.groups.iter().map(|groups| format!("groups=\"{groups}\"")));
        if *kind == Kind::Thaw && *freeze_to > 0 {
            let names: Vec<String> = (*freeze_to..groups).map(|group| format!("\"{group}\"")).collect();
            given.push(format!("thaw=[{}]", names.join(", ")));
        }
        let lr = lr.as_ref().map(|lr| format!("\"{lr}\""));
        let train = match kind {
            Kind::Head => "learn.train(0)".to_owned(),
            Kind::Thaw => {
                format!("learn.train({epochs}{})", lr.map_or_else(String::new, |lr| format!(", lr={lr}")))
            }
            Kind::FromStart => {
                let lr = lr.unwrap_or_else(|| format!("\"{}\"", usual_rates(groups)));
                format!("learn.freeze_to({freeze_to})\nlearn.fit_one_cycle({epochs}, {lr})")
            }
        };
        format!("learn = vision_learner({})\n{train}", given.join(", "))
    }
}

/// What the command takes where nothing else is said.
const BATCH: usize = 32;
const SEED: u64 = 42;

fn listed(from: usize, to: usize) -> String {
    (from..to).map(|group| group.to_string()).collect::<Vec<_>>().join(",")
}

fn usual_rates(_groups: usize) -> String {
    match FineTune::brisk(1).rates {
        Rates::Between(low, high) => format!("{low:e}..{high:e}"),
        other => other.to_string(),
    }
}
