//! The common part of figures: their colours, and how one becomes a file of its own.

/// Colours and line styles of all figures, light and dark, on paper too.
pub const STYLE: &str = include_str!("../../templates/figures.css");

/// A figure as an SVG file of its own; in a page, figures share the page's style.
pub fn standalone(figure: &str) -> String {
    match figure.split_once('>') {
        Some((tag, rest)) => format!(
            "{} xmlns=\"http://www.w3.org/2000/svg\"{}><style>{STYLE}</style>{rest}\n",
            &tag[..4],
            &tag[4..]
        ),
        None => figure.to_owned(),
    }
}
