//! Which tensors of a file belong to which of a network, by names and shapes, before anything is loaded.
//!
//! Files put the same names behind all sorts of prefixes: `state_dict.`, `module.`, `model_ema.backbone.`. The prefix
//! behind which most of a network's names and shapes are found is the one; where a running average and what it is the
//! average of fit as well, it is the average.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use thiserror::Error;

use super::{Tensors, WeightFile};
use crate::remedy::Remedy;
use crate::stage::{Parameter, Stage};

/// How many names of each kind a message lists.
const LISTED: usize = 3;

/// Names of running averages of the weights in files.
const AVERAGES: [&str; 6] = ["ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict", "teacher"];

/// Weights that belong to another network.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{file}: these weights don't fit {network}: {misfits}{}", .likely.as_ref().map_or(String::new(), |likely| format!("; they fit {likely}")))]
pub struct MisfitError {
    /// Where the weights come from.
    pub file: String,
    /// The network that they should fit.
    pub network: String,
    /// The first mismatches.
    pub misfits: String,
    /// A network they do fit.
    pub likely: Option<String>,
}

impl MisfitError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        self.likely.clone().map(Remedy::ChooseArchitecture)
    }
}

/// Maps the name of a network's tensor to the name it has in a file; `None` for a name it does not have.
pub type KeyAlias = fn(&str) -> Option<String>;

/// Which of a file's tensors a network takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Where the weights come from.
    pub file: String,
    /// The network that takes them.
    pub network: String,
    /// The file's names by the network's.
    pub names: BTreeMap<String, String>,
    /// The prefix of the network's names in the file.
    pub prefix: String,
    /// Other prefixes behind which as much was found.
    pub others: Vec<String>,
    /// The file's other names, those behind such prefixes left out.
    pub left_over: Vec<String>,
}

/// What `torch.compile` puts into names.
const COMPILED: &str = "_orig_mod.";

impl Fit {
    /// Finds these stages' tensors in a file, behind any prefix, under the network's own names without their `body.`
    /// or under those that one of the aliases gives them.
    ///
    /// # Errors
    ///
    /// If some are missing or differ; the message lists the first.
    pub fn find(
        file: &WeightFile,
        network: &str,
        stages: &[Stage],
        key_aliases: &[KeyAlias],
    ) -> Result<Self, MisfitError> {
        // `torch.compile` puts a name of its own before any part of a network.
        let original: BTreeMap<String, &str> =
            file.shapes().into_keys().map(|name| (name.replace(COMPILED, ""), name)).collect();
        let shapes = file.shapes();
        let found: BTreeMap<&str, &[usize]> =
            original.iter().map(|(plain, name)| (plain.as_str(), shapes[name])).collect();
        let parameters: Vec<&Parameter> = stages.iter().flat_map(|stage| &stage.parameters).collect();
        let renamed = |alias: Option<&KeyAlias>| -> HashMap<String, &Parameter> {
            let named = parameters.iter().filter_map(|&parameter| {
                let name = parameter.name.strip_prefix("body.").unwrap_or(&parameter.name);
                Some((alias.map_or_else(|| Some(name.to_owned()), |alias| alias(name))?, parameter))
            });
            named.collect()
        };
        let wanted = [None].into_iter().chain(key_aliases.iter().map(Some)).map(renamed);
        let candidates = wanted.flat_map(|wanted| candidates(&found, &wanted));
        let nothing = Candidate { prefix: "", names: BTreeMap::new(), fitting: 0 };
        let mut candidates: Vec<Candidate<'_>> = candidates.chain([nothing]).collect();
        candidates.sort_by_key(Candidate::worse);
        let (best, rest) = (&candidates[0], &candidates[1..]);
        let others: Vec<&Candidate<'_>> =
            rest.iter().filter(|other| other.fitting > 0 && other.fitting == best.fitting).collect();
        let of_these = others.iter().chain([&best]).flat_map(|candidate| candidate.names.values().copied());
        let of_these: HashSet<&str> = of_these.collect();
        let left_over: Vec<&str> = found.keys().copied().filter(|name| !of_these.contains(name)).collect();

        let names = || best.names.iter().map(|(&name, &in_file)| (name, in_file));
        let shapes = names().chain(left_over.iter().map(|&name| (name, name)));
        let shapes = shapes.map(|(name, in_file)| (name, found[in_file])).collect();
        if let Some(misfit) = misfit(&file.name, network, stages, &shapes) {
            return Err(misfit);
        }
        Ok(Self {
            file: file.name.clone(),
            network: network.to_owned(),
            names: names().map(|(name, in_file)| (name.to_owned(), original[in_file].to_owned())).collect(),
            prefix: best.prefix.to_owned(),
            others: others.iter().map(|other| other.prefix.to_owned()).collect(),
            left_over: left_over.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Refuses weights that are rather those of `likely`.
    ///
    /// # Errors
    ///
    /// If that is another network.
    pub fn check_likely(&self, likely: Option<String>) -> Result<(), MisfitError> {
        if likely.as_ref().is_none_or(|likely| *likely == self.network) {
            return Ok(());
        }
        let misfits = listed(self.left_over.iter().map(String::as_str), "left over");
        Err(MisfitError { file: self.file.clone(), network: self.network.clone(), misfits, likely })
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, names, prefix, others, left_over, .. } = self;
        write!(f, "{file}: {} tensors", names.len())?;
        if !prefix.is_empty() {
            write!(f, " behind `{prefix}`")?;
        }
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
            write!(f, " (those behind {} fit too)", others.join(", "))?;
        }
        match left_over.is_empty() {
            true => write!(f, "; none left over"),
            false => write!(f, "; {}", listed(left_over.iter().map(String::as_str), "left over")),
        }
    }
}

/// A prefix and the names found behind it.
struct Candidate<'a> {
    prefix: &'a str,
    /// The file's names by the network's.
    names: BTreeMap<&'a str, &'a str>,
    /// How many of them have the right shape.
    fitting: usize,
}

impl Candidate<'_> {
    /// Less for what is to be preferred.
    fn worse(&self) -> impl Ord + use<> {
        let average = self.prefix.split('.').any(|part| AVERAGES.contains(&part));
        (
            Reverse(self.fitting),
            Reverse(self.names.len()),
            !average,
            self.prefix.len(),
            self.prefix.to_owned(),
        )
    }
}

/// All prefixes behind which some of these names are found.
fn candidates<'a>(
    found: &BTreeMap<&'a str, &'a [usize]>,
    wanted: &HashMap<String, &'a Parameter>,
) -> Vec<Candidate<'a>> {
    let mut behind: HashMap<&str, Candidate<'a>> = HashMap::new();
    for (&name, &shape) in found {
        let starts = name.match_indices('.').map(|(dot, _)| dot + 1);
        for start in [0].into_iter().chain(starts) {
            let (prefix, rest) = name.split_at(start);
            if let Some(parameter) = wanted.get(rest) {
                let candidate = behind.entry(prefix);
                let candidate =
                    candidate.or_insert_with(|| Candidate { prefix, names: BTreeMap::new(), fitting: 0 });
                candidate.names.insert(&parameter.name, name);
                candidate.fitting += usize::from(is_same(shape, &parameter.shape));
            }
        }
    }
    behind.into_values().collect()
}

/// Checks that every tensor of these stages is among `tensors`, in its shape. Tensors that no stage
/// asks for, such as a classifier's, are no misfit.
///
/// # Errors
///
/// If some are missing or differ; the message lists the first.
pub fn check_fit(file: &str, network: &str, stages: &[Stage], tensors: &Tensors) -> Result<(), MisfitError> {
    let shapes = tensors.iter().map(|(name, data)| (name.as_str(), &data.shape()[..])).collect();
    misfit(file, network, stages, &shapes).map_or(Ok(()), Err)
}

/// Whether shapes are the same but for ones at the end: a number a channel may be kept as an image of one pixel, a dense
/// layer as a convolution.
fn is_same(shape: &[usize], other: &[usize]) -> bool {
    let longest = shape.len().max(other.len());
    let padded =
        |shape: &[usize]| shape.iter().copied().chain(std::iter::repeat(1)).take(longest).collect::<Vec<_>>();
    padded(shape) == padded(other)
}

/// Why these tensors do not fit these stages, if they don't.
fn misfit(
    file: &str,
    network: &str,
    stages: &[Stage],
    found: &BTreeMap<&str, &[usize]>,
) -> Option<MisfitError> {
    let parameters = || stages.iter().flat_map(|stage| &stage.parameters);
    let missing: Vec<String> = parameters()
        .filter(|parameter| !found.contains_key(parameter.name.as_str()))
        .map(|parameter| format!("`{}`", parameter.name))
        .collect();
    let differing: Vec<String> = parameters()
        .filter_map(|parameter| {
            let found = *found.get(parameter.name.as_str())?;
            (!is_same(found, &parameter.shape))
                .then(|| format!("`{}` is {found:?} and should be {:?}", parameter.name, parameter.shape))
        })
        .collect();
    let wanted: HashSet<&str> = parameters().map(|parameter| parameter.name.as_str()).collect();
    let unknown: Vec<String> =
        found.keys().filter(|name| !wanted.contains(*name)).map(|name| format!("`{name}`")).collect();
    if missing.is_empty() && differing.is_empty() {
        return None;
    }
    let parts = [("missing", missing), ("of another shape", differing), ("not of this network", unknown)];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> =
        parts.map(|(what, names)| listed(names.iter().map(String::as_str), what)).collect();
    Some(MisfitError {
        file: file.to_owned(),
        network: network.to_owned(),
        misfits: parts.join("; "),
        likely: None,
    })
}

/// How many names are something, and the first of them.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>, what: &str) -> String {
    let count = names.len();
    let more = if count > LISTED { ", …" } else { "" };
    let first: Vec<&str> = names.take(LISTED).collect();
    format!("{count} {what} ({}{more})", first.join(", "))
}
