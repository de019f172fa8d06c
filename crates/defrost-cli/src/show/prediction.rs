//! A prediction as text and as JSON, and where in an image the network looked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use defrost::TargetKind;
use defrost::bundle::BundleManifest;
use defrost::interpret::HeatMap;
use defrost::metrics::{Answer, PartRead, Prediction, Remark};
use defrost::vision::Explained;

/// A prediction to show.
#[derive(Clone, Debug)]
pub struct Found {
    /// The predicted classes, labels or number.
    pub said: Said,
    /// How familiar it is, `0.0..=1.0`, if that is known.
    pub familiarity: Option<f32>,
    /// Notes for people.
    pub notes: Vec<String>,
    /// Those of them that are about a part of the input, by its name.
    pub warnings: BTreeMap<String, String>,
    /// How much of a text was read, where it was cut.
    pub truncated: Option<PartRead>,
}

/// The prediction itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The most probable classes with their probabilities.
    Top(Vec<(String, f32)>),
    /// The most probable labels with their probabilities, and those above their thresholds.
    Labels { top: Vec<(String, f32)>, there: Vec<(String, f32)> },
    /// A number.
    Number(f32),
}

impl Found {
    /// What a run's answer says, of no more than `top` classes.
    pub fn of<M>(manifest: &BundleManifest<M>, answer: &Answer, top: usize) -> Self {
        let said = Said::of(manifest, &answer.scores, top);
        let warning = |remark: &Remark| Some((remark.part.clone()?, remark.text.clone()));
        Self {
            said,
            familiarity: answer.familiarity,
            notes: answer.notes(),
            warnings: answer.remarks.iter().filter_map(warning).collect(),
            truncated: answer.read,
        }
    }

    /// The same with no more than `count` classes.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        match &mut self.said {
            Said::Top(top) | Said::Labels { top, .. } => top.truncate(count),
            Said::Number(_) => {}
        }
        self
    }

    /// With the input's name.
    pub fn to_json(&self, input: &str) -> Value {
        let mut found = self.said.to_json(input);
        found["familiarity"] = json!(self.familiarity);
        found["notes"] = json!(self.notes);
        found["warnings"] = json!(self.warnings);
        if let Some(PartRead { read, of }) = self.truncated {
            found["truncated"] = json!({ "characters_read": read, "characters": of });
        }
        found
    }

    /// For a line of text.
    pub fn to_text(&self) -> String {
        let notes = self.notes.iter().map(|note| format!(" ({note})"));
        [self.said.to_text()].into_iter().chain(notes).collect()
    }
}

impl Said {
    /// The prediction and its probability, as cells of a CSV file; several labels are joined by `|`.
    pub fn in_cells(&self) -> (String, String) {
        let both = |named: &[(String, f32)]| {
            let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
            let probabilities: Vec<String> =
                named.iter().map(|(_, probability)| probability.to_string()).collect();
            (names.join("|"), probabilities.join("|"))
        };
        match self {
            Self::Top(top) => both(&top[..top.len().min(1)]),
            Self::Labels { there, .. } => both(there),
            Self::Number(number) => (number.to_string(), String::new()),
        }
    }

    fn of<M>(manifest: &BundleManifest<M>, prediction: &Prediction, top: usize) -> Self {
        let named = |(class, probability): (usize, f32)| (manifest.classes[class].clone(), probability);
        let ranked = prediction.ranked();
        let top = || ranked.iter().copied().take(top).map(named).collect();
        match manifest.loss.kind() {
            TargetKind::Class => Self::Top(top()),
            TargetKind::Labels => {
                let there = prediction.labels(manifest.thresholds());
                let there = ranked.iter().copied().filter(|(label, _)| there.contains(label));
                Self::Labels { top: top(), there: there.map(named).collect() }
            }
            _ => Self::Number(prediction.number()),
        }
    }

    fn to_json(&self, input: &str) -> Value {
        match self {
            Self::Number(number) => json!({ "input": input, "number": number }),
            Self::Top(top) => json!({ "input": input, "top": entries(top) }),
            Self::Labels { top, there } => {
                let labels: Vec<&String> = there.iter().map(|(label, _)| label).collect();
                json!({ "input": input, "top": entries(top), "labels": labels })
            }
        }
    }

    fn to_text(&self) -> String {
        let entry = |(class, probability): &(String, f32)| format!("{class} {:.1} %", probability * 100.0);
        let list = |entries: &[(String, f32)]| entries.iter().map(entry).collect::<Vec<_>>().join(", ");
        match self {
            Self::Number(number) => number.to_string(),
            Self::Top(top) => list(top),
            Self::Labels { top, there } if there.is_empty() => {
                format!("no label; most probable: {}", list(top))
            }
            Self::Labels { there, .. } => list(there),
        }
    }
}

/// Where in an image something was found.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The class that these areas support; none of a number.
    pub class: Option<String>,
    /// How much each of them supports it.
    pub heat: HeatMap,
    /// Side of the square they are in, as a fraction of the image's shorter side.
    pub fraction: f32,
}

impl Explanation {
    /// What a run says of an image.
    pub fn of<M>(manifest: &BundleManifest<M>, Explained { output, heat, fraction, .. }: Explained) -> Self {
        Self { class: manifest.classes.get(output).cloned(), heat, fraction }
    }

    /// Row by row.
    pub fn to_json(&self) -> Value {
        let HeatMap { height, width, values } = &self.heat;
        json!({
            "class": self.class,
            "fraction": self.fraction,
            // Its name in earlier versions.
            "share": self.fraction,
            "height": height,
            "width": width,
            "values": values,
        })
    }
}

fn entries(top: &[(String, f32)]) -> Vec<Value> {
    top.iter().map(|(class, probability)| json!({ "class": class, "probability": probability })).collect()
}
