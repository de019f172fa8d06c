//! `defrost export RUN OUT`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::labels::LabelOptions;
use super::signed::SignedOptions;
use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Folder of a finished run, or its packed file
    pub run: PathBuf,
    /// The file to write: .onnx; .safetensors for PyTorch; .html, or a folder, for a page
    #[arg(required_unless_present = "verify")]
    pub out: Option<PathBuf>,
    /// What to write [default: what the ending of OUT says]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Write a page as one HTML file, which opens without a server [default for .html]
    #[arg(long)]
    pub single: bool,
    /// Compare this export with the run again, and write nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "format", "single", "input", "opset", "precision", "batch", "features", "calibrate"])]
    pub verify: Option<PathBuf>,
    /// Whether it takes items as they come, or images that are prepared already
    #[arg(long, value_enum, default_value = "image")]
    pub input: InputChoice,
    /// The version of ONNX's operators, 18 to 22
    #[arg(long, value_name = "N", default_value_t = 18)]
    pub opset: u32,
    /// The number format that weights are kept in
    ///
    /// f16 halves the file. All computation stays in 32 bits. int8 makes it a quarter and computes the network's body in 8 bits; it
    /// needs --calibrate.
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: KeptPrecision,
    /// Labelled data for --precision int8, as for `evaluate`: some items calibrate, the others show what it costs
    #[arg(long, value_name = "DATA", required_if_eq("precision", "int8"))]
    pub calibrate: Option<PathBuf>,
    /// How many items a batch always has [default: any number]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub batch: Option<usize>,
    /// Give the features that the head reads, instead of classes
    #[arg(long)]
    pub features: bool,
    /// The Python whose ONNX Runtime compares the answers, and measures int8
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,
    #[command(flatten)]
    pub signed: SignedOptions,
    #[command(flatten)]
    pub labels: LabelOptions,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One file that takes items as they come
    Onnx,
    /// Weights for a network of torchvision or timm
    Torch,
    /// A page that answers images in a browser: a folder for any web server
    Web,
}

/// What an export is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputChoice {
    /// Items as they come: images of any size, rows, tokens
    Image,
    /// Images that are resized, cropped and normalised already
    Tensor,
}

/// A number format of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeptPrecision {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
    /// 8 bits, in which the body computes, too
    Int8,
}
