//! What the folders of a data set are for: parts, classes, or a box around them.
//!
//! A name alone does not tell: a class may be called `train`. A folder that is called like a part is one if the folders beside
//! it are parts too, or classes that it holds itself. Where both readings stay possible, the data is refused.

use std::path::Path;

use super::below;
use super::error::FolderError;
use super::kind::FileKind;
use super::names::{Role, role};
use super::walk::Folder;

/// The parts of a data set.
pub(super) struct Layout<'a> {
    /// What to train on; none in a data set that is only there to measure on.
    pub train: Option<Part<'a>>,
    /// What validates.
    pub valid: Option<Part<'a>>,
    /// What is left for measuring the trained network.
    pub test: Option<Part<'a>>,
    /// Parts that are not used: a second one of a kind, one without class folders.
    pub others: Vec<Part<'a>>,
    /// Folders that are none.
    pub strays: Vec<&'a Folder>,
    /// The folder that the parts lie in.
    pub top: &'a Folder,
}

/// A part of a data set: a folder of class folders.
#[derive(Clone)]
pub(super) struct Part<'a> {
    /// What it is for, by its name.
    pub role: Role,
    /// The rank of that name.
    rank: usize,
    /// The folder with this name.
    pub named: &'a Folder,
    /// The one with the classes, which may be inside.
    pub folder: &'a Folder,
    /// The class folders with items.
    pub classes: Vec<&'a Folder>,
}

impl<'a> Part<'a> {
    /// A folder as a part. Folders of `known` names are classes.
    pub fn of(named: &'a Folder, said: (Role, usize), known: &[String]) -> Self {
        let folder = see_through(named, |name| known.contains(name));
        let mut part = Self { role: said.0, rank: said.1, named, folder, classes: folder.filled() };
        if let [only] = part.classes[..] {
            // `test/test/1.jpg`: a box again, and no class.
            let name = only.name();
            let is_box = name == named.name() || role(&name).is_some();
            if is_box && !known.contains(&name) && only.filled().is_empty() {
                (part.folder, part.classes) = (only, vec![]);
            }
        }
        part
    }

    /// The names of its classes.
    pub fn class_names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name()).collect()
    }

    fn shares(&self, classes: &[String]) -> bool {
        self.classes.iter().any(|class| classes.contains(&class.name()))
    }
}

/// The folder that a box is around: a box holds one folder of folders and no items.
fn see_through(mut folder: &Folder, is_inside: impl Fn(&String) -> bool) -> &Folder {
    while let ([only], true) = (&folder.filled()[..], folder.items.is_empty()) {
        if only.filled().is_empty() || is_inside(&only.name()) {
            break;
        }
        folder = only;
    }
    folder
}

/// Tells what the folders in `top`, which was found at `root`, are for. Folders of `known` names are classes.
pub(super) fn layout<'a>(
    root: &Path,
    top: &'a Folder,
    known: &[String],
    kind: &'static FileKind,
) -> Result<Layout<'a>, FolderError> {
    let is_train = |name: &String| matches!(role(name), Some((Role::Train, _)));
    let top = see_through(top, |name| known.contains(name) || is_train(name));
    let path = below(root, &top.path);
    let (mut parts, mut plain) = (vec![], vec![]);
    for folder in top.filled() {
        match role(&folder.name()).filter(|_| !known.contains(&folder.name())) {
            Some(role) => parts.push(Part::of(folder, role, known)),
            None => plain.push(folder),
        }
    }
    let names = |folders: &[&Folder]| folders.iter().map(|folder| folder.name()).collect::<Vec<_>>();
    let named = |parts: &[Part<'_>]| parts.iter().map(|part| part.named.name()).collect::<Vec<_>>();

    let (trains, mut rest): (Vec<Part<'_>>, Vec<Part<'_>>) =
        parts.into_iter().partition(|part| part.role == Role::Train && !part.classes.is_empty());
    if trains.len() > 1 {
        return Err(FolderError::SeveralToTrainOn { path, parts: named(&trains) });
    }
    if let [train] = &trains[..] {
        let classes = [train.class_names(), known.to_vec()].concat();
        rest = rest.into_iter().map(|part| Part::of(part.named, (part.role, part.rank), &classes)).collect();
        if plain.is_empty() || rest.iter().any(|part| part.shares(&classes)) {
            return Ok(Layout::of(top, Some(train.clone()), rest, plain));
        }
        let apart = |folder: &&Folder| !folder.filled().is_empty() && !train.shares(&names(&folder.filled()));
        if !plain.iter().all(apart) {
            let classes = train.class_names();
            let alike = plain.iter().all(|folder| names(&folder.filled()) == classes);
            let (part, beside) = (train.named.name(), names(&plain));
            return Err(FolderError::PartOrClass { path, part, classes, beside, alike });
        }
        plain.push(train.named);
    } else if plain.is_empty() && !rest.is_empty() {
        if rest.iter().all(|part| part.classes.is_empty()) {
            return Err(FolderError::PartsWithoutClasses { path, parts: named(&rest), kind });
        }
        return Ok(Layout::of(top, None, rest, plain));
    }
    // What is beside the classes is a part if it holds some of the same.
    let siblings = names(&plain);
    let (beside, classes): (Vec<Part<'_>>, Vec<Part<'_>>) = rest
        .into_iter()
        .map(|part| Part::of(part.named, (part.role, part.rank), &[&siblings, known].concat()))
        .partition(|part| part.shares(&siblings));
    plain.extend(classes.iter().map(|part| part.named));
    plain.sort_by(|a, b| a.path.cmp(&b.path));
    let holds_parts = |folder: &&&Folder| {
        let roles: Vec<Role> =
            folder.filled().iter().filter_map(|inside| Some(role(&inside.name())?.0)).collect();
        roles.contains(&Role::Train) && roles.iter().any(|role| *role != Role::Train)
    };
    if let Some(class) = plain.iter().find(holds_parts) {
        let (class, parts) = (class.name(), names(&class.filled()));
        return Err(FolderError::PartsInClass { path, class, parts, kind });
    }
    let train = Part { role: Role::Train, rank: 0, named: top, folder: top, classes: plain };
    Ok(Layout::of(top, Some(train), beside, vec![]))
}

impl<'a> Layout<'a> {
    /// Of several parts of a kind, the one with the usual name is used.
    fn of(
        top: &'a Folder,
        train: Option<Part<'a>>,
        mut rest: Vec<Part<'a>>,
        strays: Vec<&'a Folder>,
    ) -> Self {
        rest.sort_by_key(|part| part.rank);
        let mut first = |role: Role| {
            let place = rest.iter().position(|part| part.role == role && !part.classes.is_empty());
            place.map(|place| rest.remove(place))
        };
        let (valid, test) = (first(Role::Valid), first(Role::Test));
        Self { train, valid, test, others: rest, strays, top }
    }

    /// The parts that are not there to train on, for a message.
    pub fn other_names(&self) -> Vec<String> {
        let parts = self.valid.iter().chain(&self.test).chain(&self.others);
        parts.map(|part| part.named.name()).collect()
    }
}
