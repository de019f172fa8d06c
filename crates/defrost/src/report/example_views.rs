//! Items as a page shows them: cards with an image or a text, or one table for the rows of a table.

use super::examples::ExampleResult;
use super::numbers;
use crate::data::Preview;
use crate::interpret::FieldImportance;

/// Several items.
pub(super) enum Listing<'a> {
    /// A card each.
    Cards { cards: Vec<ExampleView<'a>>, images: bool, heated: bool },
    /// A row each.
    Table { columns: Vec<&'a str>, rows: Vec<ExampleView<'a>> },
}

/// A single item.
pub(super) struct ExampleView<'a> {
    pub(super) name: &'a str,
    /// Without the folders of its file.
    pub(super) short_name: &'a str,
    pub(super) link: Option<&'a str>,
    pub(super) actual: &'a str,
    pub(super) predicted: &'a str,
    pub(super) sure: String,
    pub(super) loss: String,
    pub(super) preview: Option<&'a Preview>,
    pub(super) remark: Option<&'a str>,
    pub(super) heat: Option<&'a str>,
    /// The words of a text, and how strongly each is shaded, in percent.
    pub(super) words: Vec<(&'a str, usize)>,
    /// The cells of a row, in the order of the table's columns.
    pub(super) cells: Vec<&'a str>,
}

/// These items, if there are any. The columns that matter most come first.
pub(super) fn example_list<'a>(
    examples: &'a [ExampleResult],
    columns: &[FieldImportance],
) -> Option<Listing<'a>> {
    let first = examples.first()?;
    let Some(Preview::Cells(cells)) = &first.preview else {
        let is_image = |example: &ExampleResult| matches!(example.preview, Some(Preview::Image { .. }));
        return Some(Listing::Cards {
            images: examples.iter().any(is_image),
            heated: examples.iter().any(|example| example.heat.is_some()),
            cards: examples.iter().map(view).collect(),
        });
    };
    // A date is several columns, all named after it.
    let rank = |name: &str| {
        columns.iter().position(|column| name.starts_with(&column.field)).unwrap_or(columns.len())
    };
    let mut names: Vec<&str> = cells.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_by_key(|name| rank(name));
    let row = |example: &'a ExampleResult| {
        let cells = match &example.preview {
            Some(Preview::Cells(cells)) => cells.as_slice(),
            _ => &[],
        };
        let cell = |name: &&str| {
            cells.iter().find(|(column, _)| column == name).map_or("", |(_, value)| value.as_str())
        };
        ExampleView { cells: names.iter().map(cell).collect(), ..view(example) }
    };
    let rows = examples.iter().map(row).collect();
    Some(Listing::Table { columns: names, rows })
}

fn view(example: &ExampleResult) -> ExampleView<'_> {
    let shades = example.words.iter().map(|word| (word * 100.0).round() as usize).chain(std::iter::repeat(0));
    let words = match &example.preview {
        Some(Preview::Text(text)) if !example.words.is_empty() => {
            text.split_whitespace().zip(shades).collect()
        }
        _ => vec![],
    };
    ExampleView {
        name: &example.name,
        short_name: example.name.rsplit(['/', '\\']).next().unwrap_or(&example.name),
        link: example.link.as_deref(),
        actual: &example.actual,
        predicted: &example.predicted,
        sure: example.sure.map_or(String::new(), numbers::fraction),
        loss: numbers::number(example.loss),
        preview: example.preview.as_ref(),
        remark: example.remark.as_deref(),
        heat: example.heat.as_deref(),
        words,
        cells: vec![],
    }
}
