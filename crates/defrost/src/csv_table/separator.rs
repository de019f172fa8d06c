//! Which character separates the cells of a text.

use super::Cells;
use super::records::Records;

/// Those that are looked for; the first of equals wins.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// As many bytes of a text are looked at.
const SAMPLE: usize = 256 << 10;

/// The one by which the most records have the same number of cells, at least two; a comma where there is none.
pub(super) fn find(text: &str) -> u8 {
    let sample = sample(text);
    let score = |separator: &u8| {
        let records = Records::split(sample, *separator, 1).records;
        let counts = counts(records.iter().filter_map(|record| record.cells.as_ref().ok()).map(Cells::len));
        let (cells, records_of) = mode(&counts);
        let all: usize = counts.iter().map(|(_, records)| records).sum();
        // The first line of a text is of the same kind as the others, mostly.
        let first = records.first().and_then(|record| record.cells.as_ref().ok()).map_or(0, Cells::len);
        let agreeing = records_of as f64 / all.max(1) as f64;
        let counts = cells > 1 && (agreeing > 0.9 || first == cells && agreeing > 0.5);
        counts.then_some((agreeing, usize::from(first == cells), cells))
    };
    let scored = SEPARATORS.iter().filter_map(|separator| Some((score(separator)?, *separator)));
    // The first of equals, where `max_by` would give the last.
    let best = scored.rev().max_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    best.map_or(b',', |(_, separator)| separator)
}

/// The separator that the first line names, as spreadsheets write it: `sep=;`. With the length of that line.
pub(super) fn declared(text: &str) -> Option<(u8, usize)> {
    let line = text.lines().next()?;
    let word = line.trim().trim_matches('"');
    let rest = word.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).and(word.get(4..))?;
    let [separator] = rest.as_bytes() else { return None };
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    Some((*separator, end))
}

/// The beginning of a text, up to the end of a line.
fn sample(text: &str) -> &str {
    let end = text.floor_char_boundary(SAMPLE);
    match text[..end].rfind('\n') {
        Some(line) if end < text.len() => &text[..line],
        _ => &text[..end],
    }
}

/// How many records there are of each number of cells.
pub(super) fn counts(cells: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    cells.for_each(|cells| *counts.entry(cells).or_insert(0) += 1);
    counts.into_iter().collect()
}

/// The number of cells that most records have, and how many have it.
pub(super) fn mode(counts: &[(usize, usize)]) -> (usize, usize) {
    counts.iter().copied().max_by_key(|&(_, records)| records).unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_makes_a_table() {
        for (text, separator) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n3,5;1\n", b';'),
            ("label\ttext\nx\tone, two, three\ny\tfour, five\n", b'\t'),
            ("a|b\n1|2\n", b'|'),
            ("text\n\"one, two\"\nthree\n", b','),
            ("text,label\n\"a; b; c\",x\n\"d; e\",y\n", b','),
            (
                "Report; of today\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n7,8,9\n7,8,9\n7,8,9\n7,8,9\n7,8,9\n7,8,9\n7,8,9\n",
                b',',
            ),
            ("", b','),
        ] {
            assert_eq!(find(text) as char, separator as char, "{text}");
        }
    }

    #[test]
    fn a_first_line_may_say_it() {
        assert_eq!(declared("sep=;\na;b\n"), Some((b';', 6)));
        assert_eq!(declared("\"SEP=|\"\r\na|b\n"), Some((b'|', 9)));
        assert_eq!(declared("sepal,petal\n"), None);
        assert_eq!(declared("sep=\n"), None);
    }
}
