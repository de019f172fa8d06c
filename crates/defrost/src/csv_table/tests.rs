use super::*;

fn parse(bytes: &[u8]) -> Result<CsvTable, CsvError> {
    CsvTable::parse(Path::new("data.csv"), bytes, &TableFormat::default())
}

fn refusal(bytes: &[u8]) -> String {
    parse(bytes).unwrap_err().to_string()
}

/// Columns, rows and notes, each in a line.
fn shown(text: &str) -> (String, Vec<String>, Vec<String>) {
    let table = parse(text.as_bytes()).unwrap();
    let rows = table
        .rows
        .iter()
        .map(|row| format!("{} {}", row.line, row.cells.iter().collect::<Vec<_>>().join("|")));
    let left_out = table.left_out().map(|row| row.to_string());
    let rows = rows.chain(left_out).collect();
    (table.columns.join("|"), rows, table.reading.notes.iter().map(ToString::to_string).collect())
}

fn read(text: &str) -> (String, Vec<String>) {
    let (columns, rows, _) = shown(text);
    (columns, rows)
}

fn is(columns: &str, rows: &[&str]) -> (String, Vec<String>) {
    (columns.to_owned(), rows.iter().map(|&row| row.to_owned()).collect())
}

#[test]
fn cells_are_what_stands_between_separators() {
    for text in [
        "a,b\n1,\"two\nlines\"\n",
        "a;b\r\n1;\"two\nlines\"\r\n",
        "\u{feff}a\tb\n1\t\"two\nlines\"\n",
        "sep=|\na|b\n1|\"two\nlines\"\n",
    ] {
        let table = parse(text.as_bytes()).unwrap();
        assert_eq!((table.columns.join(" "), table.skipped.len()), ("a b".to_owned(), 0), "{text}");
        assert!(table.rows[0].cells.iter().eq(["1", "two\nlines"]), "{text}");
    }
    assert_eq!(read("a,b\r1,2\r3,4\r"), is("a|b", &["2 1|2", "3 3|4"]));
}

#[test]
fn bad_rows_are_left_out_and_say_why() {
    let table = parse("a,b\n1,2\n1\n\n4,é\n".as_bytes()).unwrap();
    assert_eq!(table.rows.len(), 2);
    let reasons: Vec<String> = table.left_out().map(|row| row.to_string()).collect();
    assert_eq!(reasons, ["data.csv:3: it has 1 cells and the header 2"]);
    let damaged = parse(&[b"a,b\n1,2\n\xff,3\n".to_vec(), "4,été\n".into()].concat()).unwrap();
    let reasons: Vec<String> = damaged.left_out().map(|row| row.to_string()).collect();
    assert_eq!(reasons, ["data.csv:3: cell 1 has bytes that are no characters; save the file as UTF-8"]);
}

#[test]
fn lines_before_the_header_are_no_rows() {
    let (columns, rows, notes) = shown("Report of today\n\na,b,c\n1,2,3\n4,5,6\n");
    assert_eq!((columns, rows), is("a|b|c", &["4 1|2|3", "5 4|5|6"]));
    assert_eq!(notes, ["1 line before the header is not read; line 1: `Report of today`"]);
    assert_eq!(read("# made by R\na,b\n1,2\n4,5\n"), is("a|b", &["3 1|2", "4 4|5"]));
}

#[test]
fn a_first_line_of_data_is_a_row() {
    let (columns, rows, notes) = shown("1.5,cat\n2.5,dog\n3.5,cat\n4.5,dog\n");
    assert_eq!((columns.as_str(), rows.len()), ("column 1|column 2", 4));
    assert!(
        notes[0].starts_with("the first line is read as data, not as column names: `cat` occurs again"),
        "{notes:?}"
    );
    for text in [
        "text,label\none,a\ntwo,b\nthree,a\nfour,b\n",
        "country,2019,2020\na,1,2\nb,3,4\nc,5,6\n",
        "0,1\n5,6\n7,8\n9,9\n",
    ] {
        assert_eq!(shown(text).2, [""; 0], "{text}");
    }
    let told = TableFormat { header: Some(true), ..TableFormat::default() };
    let table = CsvTable::parse(Path::new("x"), b"1.5,cat\n2.5,dog\n3.5,cat\n4.5,dog\n", &told).unwrap();
    assert_eq!(table.columns, ["1.5", "cat"]);
}

#[test]
fn separators_at_the_end_make_no_column() {
    assert_eq!(read("a,b,\n1,2,\n3,4,\n"), is("a|b", &["2 1|2", "3 3|4"]));
    let (columns, rows, notes) = shown("a,b\n1,2,\n3,4,\n5,6\n");
    assert_eq!((columns, rows), is("a|b", &["2 1|2", "3 3|4", "4 5|6"]));
    assert_eq!(notes, ["2 rows have an empty cell behind the last column; it is not read"]);
}

#[test]
fn columns_without_a_name_of_their_own_get_one() {
    assert_eq!(read(",x,x\n0,1,2\n1,3,4\n"), is("column 1|x|x (2)", &["2 0|1|2", "3 1|3|4"]));
    // R writes the names of rows, and no name for their column.
    assert_eq!(read("x,y\nr1,1,2\nr2,3,4\n"), is("column 1|x|y", &["2 r1|1|2", "3 r2|3|4"]));
}

#[test]
fn a_header_that_comes_again_is_no_row() {
    let (_, rows) = read("a,b\n1,2\na,b\n3,4\n");
    assert_eq!(rows, ["2 1|2", "4 3|4", "data.csv:3: it repeats the header"]);
}

#[test]
fn rows_in_memory_may_name_their_columns_in_any_order() {
    let table = CsvTable::from_rows([[("a", "1"), ("b", " 2 ")], [("b", "4"), ("a", "3")]]).unwrap();
    assert_eq!(table.columns, ["a", "b"]);
    assert!(table.rows[1].cells.iter().eq(["3", "4"]));
    let refusal = |rows: Vec<Vec<(&str, &str)>>| CsvTable::from_rows(rows).unwrap_err().to_string();
    assert_eq!(
        refusal(vec![vec![("a", "1")], vec![("b", "1")]]),
        "row 1 has the columns b, and the first row a"
    );
    assert_eq!(
        refusal(vec![vec![("a", "1"), ("a", "2")]]),
        "rows in memory: two columns are called `a`; rename one"
    );
    assert_eq!(refusal(vec![]), "rows in memory: there are no rows that can be read");
}

#[test]
fn columns_in_memory_are_of_one_length() {
    let table = CsvTable::from_columns([("a", vec!["1", " 2 "]), ("b", vec!["3", "4"])]).unwrap();
    assert_eq!(table.columns, ["a", "b"]);
    assert!(table.rows[1].cells.iter().eq(["2", "4"]));
    assert_eq!(table, {
        let rows = CsvTable::from_rows([[("a", "1"), ("b", "3")], [("a", "2"), ("b", "4")]]).unwrap();
        CsvTable { path: table.path.clone(), ..rows }
    });
    let refusal = |columns: Vec<(&str, Vec<&str>)>| CsvTable::from_columns(columns).unwrap_err().to_string();
    assert_eq!(
        refusal(vec![("a", vec!["1"]), ("b", vec!["1", "2"])]),
        "column b has 2 cells, and the first one 1"
    );
    let twice = refusal(vec![("a", vec!["1"]), ("a", vec!["1"])]);
    assert_eq!(twice, "columns in memory: two columns are called `a`; rename one");
    assert_eq!(refusal(vec![]), "columns in memory: there are no rows that can be read");
}

#[test]
fn a_cell_longer_than_any_text_is_left_out() {
    let long = ["a,b\n1,", &"x".repeat(MAX_CELL + 1), "\n4,", &"y".repeat(MAX_CELL), "\n"].concat();
    let table = parse(long.as_bytes()).unwrap();
    assert_eq!((table.rows.len(), table.name(table.rows[0].line).as_str()), (1, "data.csv:3"));
    let reason = table.left_out().next().unwrap().to_string();
    assert_eq!(reason, "data.csv:2: cell 2 has 16777217 bytes; at most 16777216 are read");
}

#[test]
fn what_is_no_table_says_why() {
    assert!(refusal(b"").starts_with("data.csv: a table begins with a line that names its columns"));
    assert_eq!(refusal(b"a,b\n"), "data.csv: there are no rows that can be read");
    let parquet = refusal(b"PAR1....");
    assert!(
        parquet.starts_with("data.csv: this is a Parquet file, which defrost reads if it is built with")
            || parquet.starts_with("data.csv: this Parquet file can't be read"),
        "{parquet}"
    );
    assert!(refusal(b"\x1f\x8b\x08broken").starts_with("data.csv: this gzip file can't be read"));
    assert!(refusal(b"PK\x03\x04broken").starts_with("data.csv: this workbook can't be read"));
    let table = parse(b"a,b\n1,2\n").unwrap();
    let missing = table.column(Path::new("data.csv"), "c").unwrap_err().to_string();
    assert_eq!(missing, "data.csv: there is no column `c`; the columns are a, b");
    let told = TableFormat { encoding: Some("klingon".to_owned()), ..TableFormat::default() };
    let unknown = CsvTable::parse(Path::new("x"), b"a,b\n1,2\n", &told).unwrap_err().to_string();
    assert!(unknown.starts_with("`klingon` is no encoding"));
}

#[test]
fn compressed_tables_are_read() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    packed.write_all(b"a,b\n1,2\n").unwrap();
    let table = parse(&packed.finish().unwrap()).unwrap();
    assert!(table.rows[0].cells.iter().eq(["1", "2"]));
}
