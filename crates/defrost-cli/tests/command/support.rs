//! Running the command, and making small data sets for it.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use assert_cmd::Command;
use image::{Rgb, RgbImage};
use serde_json::Value;

/// What a run of the command printed, and how it ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Asserts that this is wrong usage, and returns the message without its `error: `.
    #[track_caller]
    pub fn usage_error(&self) -> &str {
        assert_eq!(self.code, 2, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        self.stderr.split_once("error: ").map_or("", |(_, message)| message.trim_end())
    }
}

/// Runs `defrost` with these words in a folder, without a network; what is kept goes to `cache` in it.
pub fn defrost_in(folder: &Path, words: &[&str]) -> Ran {
    let mut command = Command::cargo_bin("defrost").unwrap();
    command.env("XDG_CACHE_HOME", folder.join("cache"));
    command.env("HF_HOME", folder.join("hub")).env("HF_HUB_OFFLINE", "1").env_remove("HF_HUB_CACHE");
    let output = command.current_dir(folder).args(words).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts `defrost` and does not wait for it.
pub fn start(folder: &Path, words: &[&str]) -> Child {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("defrost"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of what was started.
pub fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The repository's root, where `samples/` is.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// An image of one colour with stripes, so that classes can be told apart.
pub fn image(path: &Path, colour: [u8; 3], stripe: u32) {
    let stripes =
        |x: u32, _: u32| if (x / stripe).is_multiple_of(2) { Rgb(colour) } else { Rgb([255, 255, 255]) };
    RgbImage::from_fn(40, 32, stripes).save(path).unwrap();
}

/// A data set in `folder/data`: two classes of `count` images each.
pub fn two_classes(folder: &Path, count: usize) -> PathBuf {
    let data = folder.join("data");
    for (class, colour) in [("blue", [20, 40, 200]), ("red", [200, 30, 20])] {
        std::fs::create_dir_all(data.join(class)).unwrap();
        for index in 0..count {
            let stripe = 2 + index as u32 % 5;
            image(&data.join(class).join(format!("{index:03}.png")), colour, stripe);
        }
    }
    data
}

/// A table in which one column follows from the others.
pub fn people(folder: &Path) {
    let mut text = "age,town,group\n".to_owned();
    for row in 0..60 {
        let (age, town) = (20 + row * 7 % 50, ["Ulm", "Bonn", "Kiel"][row % 3]);
        text += &format!("{age},{town},{}\n", if age > 45 { "older" } else { "younger" });
    }
    std::fs::write(folder.join("people.csv"), text).unwrap();
}
