//! Where pretrained weights come from.

use std::path::{Path, PathBuf};

/// Where pretrained weights come from.
///
/// ```
/// use defrost::weights::WeightSource;
///
/// assert_eq!(WeightSource::from("hub:me/mine"), WeightSource::Hub(Some("me/mine".to_owned())));
/// assert_eq!(WeightSource::from("resnet34.pth"), WeightSource::File("resnet34.pth".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WeightSource {
    /// Those in this program where it has any for the network, else the usual ones from the Hugging Face hub.
    #[default]
    Usual,
    /// Those in this program.
    Embedded,
    /// The Hugging Face hub: this repository, `OWNER/NAME` or `OWNER/NAME@REVISION`, or the one with the usual weights.
    Hub(Option<String>),
    /// A safetensors or PyTorch file, or a folder with one.
    File(PathBuf),
    /// A finished run, whose items are prepared as it says.
    Run(PathBuf),
    /// Nowhere: new weights.
    None,
}

impl From<&str> for WeightSource {
    /// `usual`, `embedded`, `hub`, `hub:OWNER/NAME`, `none`, or a path.
    fn from(words: &str) -> Self {
        match words {
            "usual" => Self::Usual,
            "embedded" => Self::Embedded,
            "hub" => Self::Hub(None),
            "none" => Self::None,
            words => match words.strip_prefix("hub:") {
                Some(repository) => Self::Hub(Some(repository.to_owned())),
                None => Self::File(PathBuf::from(words)),
            },
        }
    }
}

impl From<&Path> for WeightSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for WeightSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_sources() {
        assert_eq!(WeightSource::from("hub"), WeightSource::Hub(None));
        assert_eq!(WeightSource::from("hubs.pth"), WeightSource::File("hubs.pth".into()));
        assert_eq!(
            ["usual", "embedded", "none"].map(WeightSource::from),
            [WeightSource::Usual, WeightSource::Embedded, WeightSource::None]
        );
    }
}
