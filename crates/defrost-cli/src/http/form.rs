//! Files in forms, as browsers send them (RFC 7578).

use hyper::body::Bytes;
use memchr::memmem;

/// The name and content of the first file in a form; nothing if it holds none.
///
/// # Errors
///
/// A sentence that says why the form can't be read.
pub fn first_file(content_type: &str, form: &Bytes) -> Result<Option<(String, Bytes)>, &'static str> {
    let boundary =
        parameter(content_type, "boundary").ok_or("its content type names no boundary between parts")?;
    let boundary = format!("\r\n--{boundary}");
    // No line comes before the first part's.
    let first = &boundary.as_bytes()[2..];
    let mut rest = match form.strip_prefix(first) {
        Some(rest) => rest,
        None => next_part(form, boundary.as_bytes())?.1,
    };
    while !rest.starts_with(b"--") {
        let (part, after) = next_part(rest, boundary.as_bytes())?;
        let (headers, content) = split(part, b"\r\n\r\n").ok_or("a part has no headers")?;
        if let Some(name) = file_name(&String::from_utf8_lossy(headers)) {
            return Ok(Some((name, form.slice_ref(content))));
        }
        rest = after;
    }
    Ok(None)
}

fn next_part<'a>(form: &'a [u8], boundary: &[u8]) -> Result<(&'a [u8], &'a [u8]), &'static str> {
    split(form, boundary).ok_or("it ends early")
}

/// The bytes before and after the first `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(bytes, mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// The file's name in a part's headers.
fn file_name(headers: &str) -> Option<String> {
    let mut headers = headers.lines().filter_map(|line| line.split_once(':'));
    let (_, disposition) =
        headers.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))?;
    parameter(disposition, "filename").map(str::to_owned)
}

/// A parameter of a header: `; name=value` or `; name="value"`. Browsers write a quote in a value as `%22`.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = header;
    loop {
        let (key, after) = rest.split_once(';')?.1.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.trim());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=xy";
    const WORDS: &str = "--xy\r\nContent-Disposition: form-data; name=\"filename=a\"\r\n\r\nwords\r\n";
    const FILE: &str = "--xy\r\ncontent-disposition: form-data; name=\"f\"; FileName=\"a; b.png\"\r\nContent-Type: image/png\r\n\r\n\
                        \r\n--x\r\n\r\n--xy--\r\n";

    fn read(kind: &str, form: &str) -> Result<Option<(String, Bytes)>, &'static str> {
        first_file(kind, &Bytes::copy_from_slice(form.as_bytes()))
    }

    #[test]
    fn the_first_file_is_found_behind_other_parts() {
        let file = Ok(Some(("a; b.png".to_owned(), Bytes::from_static(b"\r\n--x\r\n"))));
        assert_eq!(read(KIND, FILE), file);
        assert_eq!(read(KIND, &format!("{WORDS}{FILE}")), file);
        assert_eq!(read(KIND, &format!("a preamble\r\n{WORDS}{FILE}")), file);
        let kind = "multipart/form-data; charset=utf-8 ; Boundary=\"xy\"; more=1";
        assert_eq!(read(kind, &format!("{WORDS}{FILE}")), file);
        assert_eq!(read(KIND, &format!("{WORDS}--xy--")), Ok(None));
        assert_eq!(read(KIND, "--xy--\r\n"), Ok(None));
    }

    #[test]
    fn no_broken_form_is_read_as_a_whole_one() {
        for kind in
            ["multipart/form-data", "multipart/form-data; boundary", "multipart/form-data; boundary=\"xy"]
        {
            assert_eq!(read(kind, FILE), Err("its content type names no boundary between parts"));
        }
        let form = format!("{WORDS}{FILE}");
        let whole = form.rfind("\r\n--xy").unwrap() + "\r\n--xy".len();
        for end in 0..whole {
            let found = read(KIND, &form[..end]);
            assert!(matches!(found, Err("it ends early" | "a part has no headers")), "{end}: {found:?}");
        }
        assert_eq!(read(KIND, "--xy\r\nname: x\r\nwords\r\n--xy--"), Err("a part has no headers"));
    }
}
