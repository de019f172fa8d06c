//! Reading the class folders of a part, and listing what is no item of it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::error::FolderError;
use super::ignored::{IgnoreReason, Ignored};
use super::kind::FileKind;
use super::layout::Part;
use super::names::composed;
use super::walk::Folder;
use super::{LabelledFile, LabelledFiles, below};
use crate::data::Target;
use crate::reading::NestedFolders;

/// A folder whose parts are read one after the other.
pub(super) struct Found<'a> {
    pub root: &'a Path,
    pub kind: &'static FileKind,
    /// What is not used.
    pub ignored: Vec<Ignored>,
}

impl Found<'_> {
    /// The items of a part, labelled with the index of their class: in `known`, or else among the part's own.
    pub fn labelled(&self, part: &Part<'_>, known: Option<&[String]>) -> Result<LabelledFiles, FolderError> {
        // Two folders of one name, written in different characters, are one class.
        let mut folders: BTreeMap<String, Vec<&Folder>> = BTreeMap::new();
        for folder in &part.classes {
            if folder.path.file_name().and_then(|name| name.to_str()).is_none() {
                return Err(FolderError::Name(below(self.root, &folder.path)));
            }
            folders.entry(folder.name()).or_default().push(folder);
        }
        let classes = known.map_or_else(|| folders.keys().cloned().collect(), <[String]>::to_vec);
        let index = |name: &String| classes.iter().position(|class| composed(class) == *name);
        let unknown: Vec<String> = folders.keys().filter(|name| index(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let path = below(self.root, &part.folder.path);
            return Err(FolderError::UnknownClasses { path, unknown, known: classes });
        }
        let mut items = vec![];
        for (name, folders) in folders {
            let target = Target::Class(index(&name).unwrap_or_default());
            let paths = folders.into_iter().flat_map(Folder::all_items);
            items.extend(paths.map(|path| LabelledFile {
                path: path.clone(),
                target: target.clone(),
                belongs_to: None,
            }));
        }
        items.sort_by(|a: &LabelledFile, b| a.path.cmp(&b.path));
        Ok(LabelledFiles { classes, items, ignored: vec![] })
    }

    /// A part with items of known classes, and all that is ignored.
    pub fn known(mut self, part: &Part<'_>, classes: &[String]) -> Result<LabelledFiles, FolderError> {
        let empty = self.ignore_beside(part.folder);
        let path = below(self.root, &part.folder.path);
        let files = self.labelled(part, Some(classes))?;
        if files.items.is_empty() {
            return Err(match empty.is_empty() {
                true => FolderError::NoClasses { path, kind: self.kind, loose: part.folder.items.len() },
                false => FolderError::EmptyClasses { path, kind: self.kind, classes: empty },
            });
        }
        self.sort(&part.classes);
        Ok(LabelledFiles { ignored: self.ignored, ..files })
    }

    /// Lists folders that are no parts.
    pub fn ignore_strays(&mut self, strays: &[&Folder]) {
        let stray = |folder: &&Folder| Ignored {
            path: folder.path.clone(),
            reason: IgnoreReason::NoPart,
            files: folder.count,
        };
        self.ignored.extend(strays.iter().map(stray));
    }

    /// Lists what lies in this folder beside its class folders or parts; returns the names of the folders without items.
    pub fn ignore_beside(&mut self, folder: &Folder) -> Vec<String> {
        let loose = |path| Ignored { path, reason: IgnoreReason::NoClass, files: 1 };
        self.ignored.extend(folder.items.iter().cloned().map(loose));
        let empty: Vec<&Folder> = folder.folders.iter().filter(|folder| folder.count == 0).collect();
        for folder in &empty {
            let reason = match folder.files {
                0 => IgnoreReason::Empty,
                _ => IgnoreReason::NoItems(self.kind.many),
            };
            self.ignored.push(Ignored { path: folder.path.clone(), reason, files: 0 });
        }
        empty.into_iter().map(Folder::name).collect()
    }

    /// Folders inside class folders that items lie in.
    pub fn nested(&self, train: &Part<'_>, valid: Option<&Part<'_>>) -> Option<NestedFolders> {
        let classes = train.classes.iter().chain(valid.into_iter().flat_map(|part| &part.classes));
        let nested: Vec<_> = classes.flat_map(|class| class.nested()).collect();
        let first = below(self.root, nested.first()?).display().to_string();
        Some(NestedFolders { folders: nested.len(), first })
    }

    /// Takes what is ignored in this folder and below it.
    pub fn take_below(&mut self, folder: &Path) -> Vec<Ignored> {
        let (below, others) = std::mem::take(&mut self.ignored)
            .into_iter()
            .partition(|ignored| ignored.path.starts_with(folder));
        self.ignored = others;
        below
    }

    /// Tells files that are no items and lie in these class folders from those elsewhere, and sorts all by path.
    pub fn sort(&mut self, classes: &[&Folder]) {
        let classes: HashSet<&Path> = classes.iter().map(|class| class.path.as_path()).collect();
        for Ignored { path, reason, .. } in &mut self.ignored {
            match *reason {
                IgnoreReason::NotAnItem(one) if !path.ancestors().any(|folder| classes.contains(folder)) => {
                    *reason = IgnoreReason::Beside(one);
                }
                _ => {}
            }
        }
        self.ignored.sort_by(|a, b| a.path.cmp(&b.path));
    }
}
