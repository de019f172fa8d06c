//! Files that are called weights and are something else, by their first bytes.

/// What a file is instead of weights that can be read, with its article, and what to do about it.
pub(super) fn other_kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = &bytes[..bytes.len().min(256)];
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    let convert = "save its weights as safetensors first";
    match () {
        () if start.starts_with(b"GGUF") => {
            Some(("a GGUF file, with numbers of few bits", "take the model's safetensors instead"))
        }
        () if start.starts_with(b"\x89HDF") => Some(("an HDF5 file, as Keras writes", convert)),
        () if start.get(4..8) == Some(b"TFL3") => Some(("a TensorFlow Lite file", convert)),
        // An ONNX file begins with its version and the name of the program that wrote it.
        () if start.starts_with(b"\x08")
            && [&b"pytorch"[..], b"onnx", b"tf2onnx", b"keras2onnx"].iter().any(|word| has(word)) =>
        {
            Some(("an ONNX file", convert))
        }
        () if start.starts_with(b"version https://git-lfs") => {
            Some(("a pointer of Git LFS, and not the file itself", "fetch it with `git lfs pull`"))
        }
        () if start.starts_with(b"<") && (has(b"<html") || has(b"<!DOCTYPE") || has(b"<!doctype")) => {
            Some(("a web page", "download the file itself"))
        }
        () => None,
    }
}
