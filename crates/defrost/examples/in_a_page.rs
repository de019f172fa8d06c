//! Trains a pretrained network on one batch of images from memory and asks it about them, where there is no system underneath: compiled
//! for `wasm32-unknown-unknown`, in a page or, with `in_a_page.mjs` beside this, in Node. `.ci/long` says how it is built.

use std::error::Error;
use std::sync::Mutex;

use burn::tensor::{Device, Tensor, TensorData};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::vision::VisionSetup;
use defrost::vision::augment::Draw;
use defrost::vision::image::Image;
use defrost::vision::transform::Preprocess;
use defrost::{Batch, Learner, LearnerOptions, Rates, Target};

/// Items of the one batch.
const ITEMS: usize = 8;

/// Images of two colours.
#[derive(Clone, Copy)]
struct Colours(Preprocess);

impl Colours {
    fn image(item: usize) -> Image {
        let pixel = |index: usize| {
            let shade = (60 + (index * 37 + item * 11) % 120) as u8;
            if item.is_multiple_of(2) { [250, shade, 20] } else { [20, shade, 250] }
        };
        Image::from_rgb(80, 64, (0..80 * 64).flat_map(pixel).collect()).expect("three values a pixel")
    }
}

impl Dataset for Colours {
    fn len(&self) -> usize {
        ITEMS
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(item % 2)
    }

    fn name(&self, item: usize) -> String {
        format!("image {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[b"colours", &(item as u64).to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let (length, size) = (self.0.values(), self.0.size);
        let mut values = vec![0.0; items.len() * length];
        for (&item, values) in items.iter().zip(values.chunks_mut(length)) {
            self.0.apply(&Self::image(item), &Draw::default(), values);
        }
        Ok(Tensor::<4>::from_data(TensorData::new(values, [items.len(), size, size, 3]), device).into())
    }
}

/// Mean loss before training and after it, and the probabilities of the first image's classes.
fn learn() -> Result<Vec<f64>, Box<dyn Error>> {
    let setup = VisionSetup { size: Some(64), ..VisionSetup::default() };
    let start = setup.open()?;
    let data = Colours(*start.preprocess());
    let (network, _, _) = start.build(2, &Device::flex())?;
    let options = LearnerOptions { batch_size: ITEMS, ..LearnerOptions::default() };
    let mut learner = Learner::new(network, Box::new(data), Box::new(data), 2, options)?;
    let before = learner.evaluate()?.loss;
    learner.unfreeze();
    learner.fit(1, Rates::One(1e-3))?;
    let after = learner.evaluate()?;
    let probabilities = after.predictions[0].0.iter().copied().map(f64::from);
    Ok([before, after.loss].into_iter().chain(probabilities).collect())
}

/// What the page may ask for.
static FOUND: Mutex<Vec<f64>> = Mutex::new(vec![]);
static WRONG: Mutex<String> = Mutex::new(String::new());

/// Trains; returns how many result numbers there are, 0 after an error.
#[unsafe(no_mangle)]
pub extern "C" fn train() -> usize {
    std::panic::set_hook(Box::new(|panic| *WRONG.lock().unwrap() = panic.to_string()));
    match learn() {
        Ok(found) => *FOUND.lock().unwrap() = found,
        Err(error) => *WRONG.lock().unwrap() = error.to_string(),
    }
    FOUND.lock().unwrap().len()
}

/// A result of training.
#[unsafe(no_mangle)]
pub extern "C" fn found(place: usize) -> f64 {
    FOUND.lock().unwrap()[place]
}

/// A byte of what is wrong, 0 behind its end.
#[unsafe(no_mangle)]
pub extern "C" fn wrong(place: usize) -> u8 {
    WRONG.lock().unwrap().as_bytes().get(place).copied().unwrap_or(0)
}
