//! Images to evaluate a trained network on: their labels are those that it knows.

use std::path::Path;
use std::sync::Arc;

use super::read::nothing_readable;
use super::{ImageDataError, below, images};
use crate::data::class_folder::IgnoreReason;
use crate::data::{Skipped, TargetKind};
use crate::vision::augment::AugmentPolicy;
use crate::vision::dataset::{Images, Preparation};
use crate::vision::decoded_images::DecodedImages;
use crate::vision::labels::{self, Labelling};
use crate::vision::look::Inspected;
use crate::vision::transform::Preprocess;

/// How images are found and prepared to evaluate a trained network on.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Where their labels come from.
    pub labelling: &'a Labelling,
    /// The names a label may have.
    pub classes: &'a [String],
    /// What a label is.
    pub kind: TargetKind,
    /// What the network expects of images.
    pub preprocess: &'a Preprocess,
    /// How they are varied.
    pub augment: AugmentPolicy,
}

impl Known<'_> {
    /// Reads the images below `root`, or those of them that validate where it is a data set that says so. Images that can't be
    /// read are left out and listed.
    ///
    /// # Errors
    ///
    /// If there are no images of these classes, others, or none can be read.
    pub fn open(&self, root: &Path) -> Result<(Images, Vec<Skipped>), ImageDataError> {
        let (found, left_out) = labels::scan_to_evaluate(root, self.labelling, self.classes, self.kind)?;
        let (preprocess, augment) = (*self.preprocess, self.augment);
        let preparation = Preparation { preprocess, augment, decoded: Arc::new(DecodedImages::new(0)) };
        let unused = below(root, &found.ignored);
        let (images, mut skipped) = Images::open(images(root, found), preparation, &mut Inspected::new());
        if let Some(error) = nothing_readable(root, &images, &skipped) {
            return Err(error);
        }
        skipped.extend(unused.into_iter().filter_map(|unused| match unused.reason {
            IgnoreReason::NotAnItem(_) | IgnoreReason::NoClass => {
                let (path, reason) = (unused.path, unused.reason.to_string());
                Some(Skipped { path, kind: "ignored-file", reason })
            }
            _ => None,
        }));
        skipped.extend(left_out);
        Ok((images, skipped))
    }
}
