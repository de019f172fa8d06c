//! All that the command prints goes through here.
//!
//! A write that fails ends nothing: the reader may have gone (`| head`), the disk may be full. And a name never reaches a
//! terminal as a command to it: classes, files and the content of a run may come from anywhere, so characters that
//! control a terminal are printed as their numbers.
//!
//! The macros replace those of the standard library in this crate, which panic where a write fails.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::OnceLock;

/// The first error of writing to stdout, unless the reader has gone.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints on stdout.
macro_rules! print {
    ($($words:tt)*) => { $crate::terminal::say(&::std::format!($($words)*)) };
}

/// Prints a line on stdout.
macro_rules! println {
    () => { $crate::terminal::say("\n") };
    ($($words:tt)*) => { $crate::terminal::say(&(::std::format!($($words)*) + "\n")) };
}

/// Prints a line on stderr.
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::terminal::tell(&(::std::format!($($words)*) + "\n")) };
}

/// Prints a text on stdout.
pub fn say(text: &str) {
    say_styled(&plain(text));
}

/// Prints a text on stderr.
pub fn tell(text: &str) {
    tell_styled(&plain(text));
}

/// Prints a text on stdout with its colours, where a terminal shows them. Names in it must be [`plain`].
pub fn say_styled(text: &str) {
    let mut stdout = anstream::stdout();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first one says why.
        let _ = LOST.set(error);
    }
}

/// Prints a text on stderr with its colours, where a terminal shows them. Names in it must be [`plain`].
pub fn tell_styled(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// The error that lost output on stdout; none if all was written, or the reader has gone.
pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// A text without characters that control a terminal; lines and tabs stay.
pub fn plain(text: &str) -> String {
    escaped(text, |c| !matches!(c, '\n' | '\t'))
}

/// A name in a line: the same without lines and tabs.
pub fn name(text: &str) -> String {
    escaped(text, |_| true)
}

/// A text with `\u001b` for a control character, as JSON writes it, so that JSON stays JSON.
fn escaped(text: &str, is_meant: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control(c) && is_meant(c) {
            true => write!(plain, "\\u{:04x}", u32::from(c)).expect("a text takes all that is written"),
            false => plain.push(c),
        }
    }
    plain
}

/// Whether a character controls a terminal, or the direction of what follows it.
fn is_control(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Stderr for others who write: lines of the library's events.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tell(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_controls_a_terminal_and_json_stays_json() {
        let foreign = "a\u{1b}[2J\u{9b}31m\u{7}\r\u{202e}b\u{7f}\u{2028}";
        let shown = plain(foreign);
        assert_eq!(shown, r"a\u001b[2J\u009b31m\u0007\u000d\u202eb\u007f\u2028");
        let json = serde_json::json!({ "class": foreign, "other": "naïve \"日本\"\n" });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain(&json.to_string())).unwrap(), json);
        assert_eq!(plain("two\n\tlines, naïve 日本"), "two\n\tlines, naïve 日本");
        assert_eq!(name("two\n\tlines"), r"two\u000a\u0009lines");
    }
}
