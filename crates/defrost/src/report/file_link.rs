//! The address of a file on this machine, for a page that is opened on it.

use std::path::Path;

/// `file:///…`, with everything encoded that has a meaning in addresses; nothing for a path that is not Unicode or can't be made absolute.
pub(super) fn of(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let text = absolute.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b':' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    Some(format!("file:///{}", encoded.collect::<String>().trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_a_path_says() {
        let link = of(Path::new("/photos/a b/ä#1?.jpg")).unwrap();
        assert!(link.starts_with("file:///") && link.ends_with("photos/a%20b/%C3%A4%231%3F.jpg"), "{link}");
        assert!(
            of(Path::new("here.png")).unwrap().len() > "file:///here.png".len(),
            "from the current folder"
        );
    }
}
