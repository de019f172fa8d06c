use super::*;
use crate::csv_table::TableFormat;
use std::path::Path;

fn table(text: &str) -> CsvTable {
    CsvTable::parse(Path::new("data.csv"), text.as_bytes(), &TableFormat::default()).unwrap()
}

/// The labels of a file whose label columns are all but the first, and what a person should know.
fn read(text: &str, kind: TargetKind) -> (Vec<Result<Label, NoLabel>>, Option<String>) {
    let table = table(text);
    let columns = LabelColumns::new(&table, (1..table.columns.len()).collect(), kind, None, None);
    let labels = table.rows.iter().map(|row| columns.read(&table, row)).collect();
    (labels, columns.note(&table, false).map(|note| note.text))
}

fn labels(names: &[&str]) -> Label {
    Label::Labels(names.iter().map(|&name| name.to_owned()).collect())
}

fn classes(labels: &[Result<Label, NoLabel>]) -> Vec<String> {
    names(labels.iter().filter_map(|label| label.as_ref().ok()))
}

#[test]
fn only_an_empty_cell_is_no_class() {
    let (found, note) = read("x,y\n1,None\n2,NA\n3,x\n4,\n", TargetKind::Class);
    assert_eq!((classes(&found), note), (["NA", "None", "x"].map(str::to_owned).to_vec(), None));
    assert_eq!(found[3], Err(("no-label", "it has no label".to_owned())));
    let known = classes(&found);
    assert_eq!(target(&"None".into(), &known), Ok(Target::Class(1)));
    assert_eq!(target(&"n/a".into(), &known).unwrap_err().0, "no-label");
    assert_eq!(target(&"y".into(), &known), Err(("bad-label", "training knows no label `y`".to_owned())));
}

#[test]
fn one_class_in_two_spellings_is_one_class() {
    let (found, _) = read("x,y\n1,0\n2,1\n3,1.0\n4,0.0\n", TargetKind::Class);
    assert_eq!(classes(&found), ["0", "1"]);
    assert_eq!(target(&"1.0".into(), &["0".into(), "1".into()]), Ok(Target::Class(1)));
}

#[test]
fn numbers_are_read_as_the_column_writes_them() {
    let (found, _) = read("x;y\n1;3,5\n2;N/D\n3;1e300\n4;NA\n5;40\n", TargetKind::Number);
    let bad = |reason: &str| Err(("bad-label", reason.to_owned()));
    let expected = [
        Ok(Label::Number(3.5)),
        bad("the label is a number, and this is `N/D`"),
        bad("the label `1e300` is out of range; divide the column by its unit"),
        Err(("no-label", "it has no label".to_owned())),
        Ok(Label::Number(40.0)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_cell_holds_several_labels() {
    let (found, note) = read("x,y\n1,a|b c\n2,\n3,a\n", TargetKind::Labels);
    assert_eq!(found, [labels(&["a", "b c"]), labels(&[]), labels(&["a"])].map(Ok));
    assert_eq!(note.as_deref(), Some("labels are read with `|` between them"));
    assert_eq!(
        target(&labels(&["b c", "a", "a"]), &["a".into(), "b c".into()]),
        Ok(Target::Labels(vec![0, 1]))
    );
    let (_, note) = read("x,y\n1,a|b\n2,c\n", TargetKind::Class);
    assert_eq!(note.as_deref(), Some("the label `a|b` is read as one class"));
}

#[test]
fn each_label_may_have_a_column() {
    let text = "x,cat,dog\n1,1,0\n2,no,yes\n3,1,1\n4,0,0\n";
    let (found, _) = read(text, TargetKind::Labels);
    assert_eq!(found, [labels(&["cat"]), labels(&["dog"]), labels(&["cat", "dog"]), labels(&[])].map(Ok));
    let (found, _) = read(text, TargetKind::Class);
    assert_eq!(found[..2], ["cat", "dog"].map(|name| Ok(name.into())));
    assert_eq!(found[2], Err(("bad-label", "2 of its labels are 1, and a class is one".to_owned())));
    assert_eq!(found[3], Err(("no-label", "none of its labels is 1".to_owned())));
}
