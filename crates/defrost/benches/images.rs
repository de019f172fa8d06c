//! Milliseconds of one core per image: decoding, and preparing it in three ways.
//! `DEFROST_PHOTOS=FOLDER cargo bench -p defrost --bench images`, with a folder of class folders.

use std::path::PathBuf;
use std::time::Instant;

use defrost::data::Draws;
use defrost::data::class_folder::scan;
use defrost::vision::IMAGES as IMAGE_FILES;
use defrost::vision::augment::{AugmentPolicy, Crop};
use defrost::vision::image::Image;
use defrost::vision::transform::Preprocess;

/// How many images are measured.
const IMAGES: usize = 200;

fn main() {
    let Some(folder) = std::env::var_os("DEFROST_PHOTOS").map(PathBuf::from) else {
        println!("skipped: DEFROST_PHOTOS does not name a folder of photos, one folder per class");
        return;
    };
    let items = scan(&folder, &IMAGE_FILES).expect("a folder of class folders").train.items;
    let paths = items.iter().take(IMAGES).map(|item| folder.join(&item.path));
    let files: Vec<Vec<u8>> = paths.map(|path| std::fs::read(path).expect("a readable file")).collect();
    let per_image = |start: Instant| start.elapsed().as_secs_f64() * 1000.0 / files.len() as f64;

    let start = Instant::now();
    let images: Vec<Image> = files.iter().filter_map(|bytes| Image::decode(bytes).ok()).collect();
    println!("decode {:.2} ms", per_image(start));

    let preprocess = Preprocess::imagenet(224);
    let mut out = vec![0.0; preprocess.values()];
    let resized = AugmentPolicy { crop: Crop::RESIZED, ..AugmentPolicy::default() };
    let policies =
        [("plain", AugmentPolicy::none()), ("default", AugmentPolicy::default()), ("resized", resized)];
    for (name, policy) in policies {
        let start = Instant::now();
        for (item, image) in images.iter().enumerate() {
            let draw = policy.draw(&mut Draws { seed: 1, epoch: 0 }.for_item(item));
            preprocess.apply(image, &draw, &mut out);
        }
        println!("{name} {:.2} ms", per_image(start));
    }
}
