//! Whether tensors fit a network, told before anything is loaded.

use thiserror::Error;

use super::Tensors;
use crate::stage::Stage;

/// How many names of each kind a message lists.
const LISTED: usize = 3;

/// Weights that belong to another network.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{file}: these weights don't fit {network}: {misfits}")]
pub struct MisfitError {
    /// Where the weights come from.
    pub file: String,
    /// What they should fit.
    pub network: String,
    /// The first mismatches.
    pub misfits: String,
}

/// Checks that every tensor of these stages is among `tensors`, in its shape. Tensors that no stage
/// asks for, such as a classifier's, are no misfit.
///
/// # Errors
///
/// If some are missing or differ; the message lists the first.
pub fn check_fit(file: &str, network: &str, stages: &[Stage], tensors: &Tensors) -> Result<(), MisfitError> {
    let parameters = || stages.iter().flat_map(|stage| &stage.parameters);
    let missing: Vec<String> = parameters()
        .filter(|parameter| !tensors.contains_key(&parameter.name))
        .map(|parameter| format!("`{}`", parameter.name))
        .collect();
    let differing: Vec<String> = parameters()
        .filter_map(|parameter| {
            let found = tensors.get(&parameter.name)?.shape();
            let differs = found[..] != parameter.shape[..];
            differs.then(|| {
                format!("`{}` is {:?} and should be {:?}", parameter.name, found.to_vec(), parameter.shape)
            })
        })
        .collect();
    let wanted: std::collections::HashSet<&str> =
        parameters().map(|parameter| parameter.name.as_str()).collect();
    let unknown: Vec<String> = tensors
        .keys()
        .filter(|name| !wanted.contains(name.as_str()))
        .map(|name| format!("`{name}`"))
        .collect();
    if missing.is_empty() && differing.is_empty() {
        return Ok(());
    }
    let mut parts = vec![];
    for (what, names) in
        [("missing", &missing), ("of another shape", &differing), ("not of this network", &unknown)]
    {
        if !names.is_empty() {
            let more = if names.len() > LISTED { ", …" } else { "" };
            let listed = &names[..names.len().min(LISTED)];
            parts.push(format!("{} {what} ({}{more})", names.len(), listed.join(", ")));
        }
    }
    Err(MisfitError { file: file.to_owned(), network: network.to_owned(), misfits: parts.join("; ") })
}
