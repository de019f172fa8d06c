use super::*;

fn schema(design: Design, columns: &[(&str, &[&str])]) -> Schema {
    let columns: Vec<Column> = columns
        .iter()
        .map(|(name, cells)| Column::learn(design, (*name).to_owned(), &values(cells)))
        .collect();
    Schema::of_columns(design, columns)
}

fn values<'a>(cells: &[&'a str]) -> Vec<CellValue<'a>> {
    cells.iter().map(|cell| CellValue::plain(cell)).collect()
}

fn read_numbers(schema: &Schema, row: &Encoded) -> Vec<f32> {
    let mut numbers = vec![];
    schema.read_numbers(row, &mut numbers);
    numbers
}

#[test]
fn columns_are_split_as_fastai_does() {
    let whole: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let holds_numbers = |cells: &[&str]| holds_numbers(&values(cells));
    assert!(holds_numbers(&whole) && !holds_numbers(&whole[..20]));
    assert!(holds_numbers(&["1.5", "NA", "2"]));
    assert!(!holds_numbers(&["1.5", "x"]) && !holds_numbers(&["", "NA"]));
}

#[test]
fn cells_become_what_fastai_makes_of_them() {
    // pandas: median 2.5, mean of (1.5, 2.5, 2.5, 3.5) 2.5, std(ddof=0) the root of 1/2.
    let columns: [(&str, &[&str]); 2] = [("job", &["b", "a", "", "b"]), ("pay", &["1.5", "", "2.5", "3.5"])];
    let schema = schema(Design::Fastai, &columns);
    assert_eq!(schema.cardinalities(), [3, 3]);
    let encode = |job, pay| schema.encode(values(&[job, pay])).unwrap();
    assert_eq!(encode("b", "3.5").categories, [2, 1]);
    assert_eq!(encode("never seen", "").categories, [0, 2]);
    assert!((read_numbers(&schema, &encode("b", "3.5"))[0] - 2f32.sqrt()).abs() < 1e-5);
    assert_eq!(read_numbers(&schema, &encode("b", "?")), [0.0]);
    let wrong = schema.encode(values(&["a", "much"])).unwrap_err();
    assert_eq!(wrong, "column `pay` holds numbers, and this is `much`");
}

#[test]
fn a_row_can_be_read_again() {
    for design in [Design::Fastai, Design::Quantiles] {
        let columns: [(&str, &[&str]); 2] =
            [("job", &["b", "a", "", "b"]), ("pay", &["1.5", "", "2.5", "1e200"])];
        let schema = schema(design, &columns);
        let shown = |job, pay| schema.decode(&schema.encode(values(&[job, pay])).unwrap());
        let cells =
            |job: &str, pay: &str| [("job".to_owned(), job.to_owned()), ("pay".to_owned(), pay.to_owned())];
        assert_eq!(shown("a", "1.5"), cells("a", "1.5"));
        assert_eq!(shown("a", "1e200"), cells("a", "1e200"));
        assert_eq!(shown("never seen", ""), cells("?", "?"));
    }
}

#[test]
fn an_exchanged_field_is_the_other_rows_and_no_other_is() {
    // A date is several columns, and missing numbers are flagged behind all categories.
    let dates: [&[&str]; 4] = [&["2024", "2025"], &["1", "12"], &["8", "31"], &["3", "9"]];
    let names: Vec<String> = dates::parts_of("start", false).collect();
    let date = |part: usize| (names[part].as_str(), dates[part % dates.len()]);
    let mut columns: Vec<(&str, &[&str])> =
        vec![("job", &["b", "a", "", "b"]), ("pay", &["1.5", "", "2.5", "3.5"])];
    columns.extend((0..names.len()).map(date));
    columns.push(("age", &["20.5", "", "30", "41"]));
    for design in [Design::Fastai, Design::Quantiles] {
        let schema = schema(design, &columns);
        assert_eq!(schema.inputs.len(), 4, "{:?}", schema.inputs);
        let cells =
            |row: usize| -> Vec<&str> { columns.iter().map(|(_, cells)| cells[row % cells.len()]).collect() };
        let encode = |cells: &[&str]| schema.encode(values(cells)).unwrap();
        let (one, other) = (cells(0), cells(1));
        let mut from = 0;
        for (place, input) in schema.inputs.iter().enumerate() {
            let mut mixed = one.clone();
            let taken = from..from + input.width();
            mixed[taken.clone()].copy_from_slice(&other[taken]);
            assert_eq!(
                schema.exchanged(place, &encode(&one), &encode(&other)),
                encode(&mixed),
                "{}",
                input.name
            );
            from += input.width();
        }
    }
}

#[test]
fn a_column_of_one_number_is_a_category() {
    let encoding = |cells: &[&str]| Column::learn(Design::Quantiles, String::new(), &values(cells)).encoding;
    assert_eq!(encoding(&["7", "", "7"]), Encoding::Category(vec!["7".to_owned()]));
    assert!(!encoding(&["7", "", "8"]).is_category());
    assert!(encoding(&["7", "", "x"]).is_category() && encoding(&["", "NA"]).is_category());
}

#[test]
fn a_schema_that_does_not_say_is_fastais() {
    let text = r#"{"columns":[{"name":"pay","encoding":{"number":{"median":2.0,"mean":3.0,"std":4.0,"flagged":false}}}]}"#;
    let schema: Schema = serde_json::from_str(text).unwrap();
    assert_eq!(schema.design, Design::Fastai);
    assert_eq!(read_numbers(&schema, &schema.encode(values(&["7"])).unwrap()), [1.0]);
}

#[test]
fn columns_of_a_date_never_share_a_name_with_another() {
    let input = |name: &str, cells: &[&str]| {
        let cells: Vec<(usize, &str)> = cells.iter().enumerate().map(|(row, &cell)| (row, cell)).collect();
        crate::tabular::input::Understood::of(name, &cells, None, false).input
    };
    let inputs = vec![
        input("date", &["2024-01-01 08:30"]),
        input("Month", &["Jan"]),
        input("saledate", &["2024-01-01"]),
    ];
    let rows = [vec!["2024-01-01 08:30", "Jan", "2024-01-01"], vec!["2023-02-01", "Feb", "2023-01-01"]];
    let schema = Schema::learn(Design::Quantiles, inputs, |place| rows.iter().map(move |row| row[place]));
    let names: HashSet<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names.len(), schema.columns.len()), (29, 29));
    assert!(
        names.contains("date Month") && names.contains("Month") && names.contains("saleMonth"),
        "{names:?}"
    );
    assert!(schema.check().is_ok());
    let text = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), schema);
}

#[test]
fn inputs_of_old_bundles_follow_from_their_columns() {
    let part = |name: String| Column::learn(Design::Quantiles, name, &values(&["1", "2"]));
    let columns: Vec<Column> =
        ["pay".to_owned()].into_iter().chain(dates::parts_of("sale", false)).map(part).collect();
    let inputs = inputs_of(&columns);
    let names: Vec<(&str, &str)> = inputs.iter().map(|input| (input.name.as_str(), input.kind())).collect();
    assert_eq!(names, [("pay", "number"), ("saledate", "date")]);
}

#[test]
fn what_training_has_not_seen_is_said() {
    let columns: [(&str, &[&str]); 2] = [("zone", &["a", "b"]), ("pay", &["1", "5"])];
    let schema = schema(Design::Quantiles, &columns);
    let remarks = |cells: [&str; 2]| -> Vec<String> {
        let found = schema.remarks(&schema.read(cells.into_iter()).unwrap(), cells.into_iter());
        found.into_iter().map(|remark| remark.text).collect()
    };
    assert_eq!(remarks(["a", "3"]), [""; 0]);
    assert_eq!(remarks(["", "3"]), [""; 0]);
    assert_eq!(remarks(["", ""]), ["all values are missing; the answer is that for a row of unknown values"]);
    assert_eq!(
        remarks(["c", "9"]),
        [
            "column `zone`: `c` is not in the training data; it counts as missing",
            "column `pay`: 9 is outside the training data, 1 to 5"
        ]
    );
}
