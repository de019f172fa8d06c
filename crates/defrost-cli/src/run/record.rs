//! The facts for a run's report: the data, the command itself, the machine.

use std::path::Path;

use defrost::Reading;
use defrost::ops::isa_level;
use defrost::report::{About, Problems};
use defrost::vision::models::Precision;

use super::Session;
use crate::domain::{Data, Domain};
use crate::failure::{Blame, Failure};
use crate::remedies;

/// The facts about a run.
pub fn about_run<D: Domain>(
    session: &Session,
    data: &Data,
    (threads, precision, batch): (usize, Precision, usize),
) -> Result<About, Failure> {
    let options = &session.arguments.options;
    let made_with = [
        ("defrost", env!("CARGO_PKG_VERSION").to_owned()),
        ("number format", precision.name().to_owned()),
        ("kernels", isa_level().or_usage()?.name().to_owned()),
        ("threads", threads.to_string()),
        ("seed", options.seed.to_string()),
        ("batch", batch.to_string()),
    ];
    Ok(About {
        name: data_name(&session.data),
        task: D::TASK.to_owned(),
        items: D::ITEMS.to_owned(),
        classes: data.classes.clone(),
        train: data.train.len(),
        valid: data.valid.len(),
        reading: data.report.reading.iter().flat_map(Reading::lines).collect(),
        notes: data.notes.iter().map(remedies::note).collect(),
        command: session.command(),
        made_with: made_with.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        problems: Some(Problems::of(&remedies::worded(data.report.clone()))),
    })
}

/// The data's name: the last part of its path.
pub fn data_name(data: &Path) -> String {
    let full = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    full.file_name().map_or_else(|| data.display().to_string(), |name| name.to_string_lossy().into_owned())
}
