//! Labels as people write them, and the targets they become.

use thiserror::Error;

use super::Target;

/// The label of an item that is given in memory.
///
/// ```
/// use defrost::data::Label;
///
/// assert_eq!(Label::from("cat"), Label::Class("cat".to_owned()));
/// assert_eq!(Label::from(2.5), Label::Number(2.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// The name of the class it is of.
    Class(String),
    /// The names of all labels it has; there may be none.
    Labels(Vec<String>),
    /// A number.
    Number(f32),
}

/// Items are labelled in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("item {0} is labelled otherwise than the first one: all must have a class, or labels, or a number")]
pub struct MixedLabels(pub usize);

impl Label {
    /// The names in these labels, sorted, each once, and the target of each item.
    ///
    /// # Errors
    ///
    /// If they are of different kinds.
    pub fn targets(labels: &[Self]) -> Result<(Vec<String>, Vec<Target>), MixedLabels> {
        let differs = |label: &&Self| std::mem::discriminant(*label) != std::mem::discriminant(&labels[0]);
        if let Some(other) = labels.iter().position(|label| differs(&label)) {
            return Err(MixedLabels(other));
        }
        let mut names: Vec<String> = labels.iter().flat_map(Self::names).cloned().collect();
        names.sort();
        names.dedup();
        let place = |name: &String| names.binary_search(name).expect("all names are there");
        let target = |label: &Self| match label {
            Self::Class(name) => Target::Class(place(name)),
            Self::Labels(all) => Target::Labels(all.iter().map(place).collect()),
            Self::Number(number) => Target::Number(*number),
        };
        let targets = labels.iter().map(target).collect();
        Ok((names, targets))
    }

    /// The names in it; none in a number.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Class(name) => std::slice::from_ref(name),
            Self::Labels(names) => names,
            Self::Number(_) => &[],
        }
    }
}

impl From<&str> for Label {
    fn from(class: &str) -> Self {
        Self::Class(class.to_owned())
    }
}

impl From<String> for Label {
    fn from(class: String) -> Self {
        Self::Class(class)
    }
}

impl From<Vec<String>> for Label {
    fn from(labels: Vec<String>) -> Self {
        Self::Labels(labels)
    }
}

impl From<f32> for Label {
    fn from(number: f32) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_targets_follow_them() {
        let (names, targets) = Label::targets(&["dog".into(), "cat".into(), "dog".into()]).unwrap();
        assert_eq!(names, ["cat", "dog"]);
        assert_eq!(targets, [1, 0, 1].map(Target::Class));
        let tags = [vec!["b".to_owned(), "a".to_owned()], vec![]].map(Label::from);
        let (names, targets) = Label::targets(&tags).unwrap();
        assert_eq!((names.len(), targets), (2, vec![Target::Labels(vec![1, 0]), Target::Labels(vec![])]));
        assert_eq!(Label::targets(&[1.5.into()]), Ok((vec![], vec![Target::Number(1.5)])));
        assert_eq!(Label::targets(&[1.5.into(), "cat".into()]), Err(MixedLabels(1)));
        assert_eq!(Label::targets(&[]), Ok((vec![], vec![])));
    }
}
