//! The architectures by name: those of this crate, and those that a program has registered.

use std::sync::{PoisonError, RwLock};

use thiserror::Error;

use super::architecture::Architecture;
use super::{convnext, densenet, efficientnet, mobilenet, mobilenet_v3, resnet, squeezenet, vgg, vit};
use crate::remedy::Remedy;

/// All families of this crate, each in a file of its own.
static FAMILIES: [&[Architecture]; 9] = [
    &efficientnet::ARCHITECTURES,
    &resnet::ARCHITECTURES,
    &mobilenet::ARCHITECTURES,
    &mobilenet_v3::ARCHITECTURES,
    &convnext::ARCHITECTURES,
    &vit::ARCHITECTURES,
    &densenet::ARCHITECTURES,
    &squeezenet::ARCHITECTURES,
    &vgg::ARCHITECTURES,
];

/// Those that are registered, in the order in which they were.
static REGISTERED: RwLock<Vec<&'static Architecture>> = RwLock::new(vec![]);

/// A name that is no architecture's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is no architecture `{name}`; there are {known}")]
pub struct UnknownArchitecture {
    /// The name given.
    pub name: String,
    /// All names.
    pub known: String,
}

impl UnknownArchitecture {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        Remedy::nearest(&self.name, self.known.split(", "))
    }
}

/// A name that another architecture has.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is an architecture `{0}` already: give this one another name")]
pub struct NameTaken(pub &'static str);

impl Architecture {
    /// All of them, those that are registered last.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        // Nothing panics while the lock is held, and a list is whole at any time.
        let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner).clone();
        FAMILIES.into_iter().flatten().chain(registered)
    }

    /// The one with this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Self, UnknownArchitecture> {
        let known = || Self::all().map(|architecture| architecture.name).collect::<Vec<_>>().join(", ");
        let found = Self::all().find(|architecture| architecture.name == name);
        found.ok_or_else(|| UnknownArchitecture { name: name.to_owned(), known: known() })
    }

    /// Makes an architecture known to this program, for good, as if it were one of this crate's. A saved model keeps the
    /// name alone: a program that loads it registers the architecture first, too. Registering the same one again changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// If another one has its name.
    pub fn register(architecture: &'static Self) -> Result<(), NameTaken> {
        let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
        let same_name = |other: &&&'static Self| other.name == architecture.name;
        let known = FAMILIES.into_iter().flatten().collect::<Vec<_>>();
        match known.iter().chain(registered.iter()).find(same_name) {
            None => registered.push(architecture),
            Some(other) if std::ptr::eq(*other, architecture) => {}
            Some(_) => return Err(NameTaken(architecture.name)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_once() {
        static ANOTHER: Architecture = Architecture::new("resnet18", |_, _| unreachable!());
        assert_eq!(Architecture::register(&ANOTHER), Err(NameTaken("resnet18")));
        let own = Architecture::named("resnet18").unwrap();
        assert_eq!(Architecture::register(own), Ok(()), "it is there already");
        let mut names: Vec<&str> = Architecture::all().map(|architecture| architecture.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    #[cfg(feature = "embedded-weights")]
    fn what_is_embedded_can_be_read() {
        let embedded = |name| Architecture::named(name).unwrap().embedded_weights();
        assert!(embedded("efficientnet_lite0").is_some_and(|weights| weights.shapes().len() > 200));
        assert!(embedded("resnet18").is_none());
    }
}
