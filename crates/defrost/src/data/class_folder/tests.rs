//! Whole trees of folders, and the law over trees that are drawn at random.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

static IMAGES: FileKind = FileKind {
    one: "an image",
    many: "images",
    example: "image.jpg",
    extensions: &["jpg", "jpeg", "png", "webp", "tiff"],
    recognises: Some(|bytes| bytes.starts_with(b"IMG")),
};

fn scan(root: &Path) -> Result<LabelledFolder, FolderError> {
    super::scan(root, &IMAGES)
}

/// A temporary folder with these files in it; a name that ends in a slash is a folder.
fn tree(names: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let path = root.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }
    root
}

fn paths(tree: &LabelledFiles) -> Vec<(&str, usize)> {
    tree.items.iter().map(|item| (item.path.to_str().unwrap(), item.target.class().unwrap())).collect()
}

/// What is ignored and why, without its root.
fn ignored(files: &LabelledFiles) -> Vec<(&str, String)> {
    files.ignored.iter().map(|ignored| (ignored.path.to_str().unwrap(), ignored.reason.to_string())).collect()
}

/// The parts of a reading: name, path below the root, items, use.
fn splits(root: &tempfile::TempDir) -> Vec<(String, String, usize, SplitUse)> {
    let reading = scan(root.path()).unwrap().reading.unwrap();
    let below = |path: String| {
        path.strip_prefix(root.path().to_str().unwrap())
            .unwrap()
            .trim_matches(std::path::MAIN_SEPARATOR)
            .to_owned()
    };
    let splits = reading.splits.into_iter();
    splits
        .map(|(name, SplitReading { path, items, used_for })| (name, below(path), items, used_for))
        .collect()
}

/// The error's text with the folder's path replaced by `DATA`.
fn refusal(root: &tempfile::TempDir) -> String {
    scan(root.path()).unwrap_err().to_string().replace(root.path().to_str().unwrap(), "DATA")
}

#[test]
fn class_folders_are_sorted_and_read_in_depth() {
    let root = tree(&[
        "dog/b.jpg",
        "dog/a.PNG",
        "cat/deep/er/c.webp",
        "cat/z.tiff",
        "cat/notes.txt",
        "cat/sketch.xyz",
    ]);
    let found = scan(root.path()).unwrap();
    assert_eq!(found.train.classes, ["cat", "dog"]);
    assert_eq!(
        paths(&found.train),
        [("cat/deep/er/c.webp", 0), ("cat/z.tiff", 0), ("dog/a.PNG", 1), ("dog/b.jpg", 1)]
    );
    let not = "not an image".to_owned();
    assert_eq!(ignored(&found.train), [("cat/notes.txt", not.clone()), ("cat/sketch.xyz", not)]);
    assert_eq!(found.valid, None);
    let reading = found.reading.unwrap();
    assert_eq!(reading.classes, [("cat".to_owned(), 2), ("dog".to_owned(), 2)]);
    let nested = reading.nested.unwrap();
    assert_eq!((nested.folders, Path::new(&nested.first)), (1, &*root.path().join("cat/deep/er")));
}

#[test]
fn content_tells_items_that_are_not_called_so() {
    let root = tree(&["a/1.jpg", "b/2.jpg", "b/4"]);
    fs::write(root.path().join("b/3.jpg?w=200"), "IMG and more").unwrap();
    let found = scan(root.path()).unwrap().train;
    assert_eq!(paths(&found), [("a/1.jpg", 0), ("b/2.jpg", 1), ("b/3.jpg?w=200", 1)]);
    assert_eq!(ignored(&found), [("b/4", "not an image".to_owned())]);
}

#[test]
fn what_programs_leave_is_listed_and_no_data() {
    let root = tree(&[
        "a/1.jpg",
        "a/.DS_Store",
        "a/._1.jpg",
        "a/@eaDir/1.jpg/THUMB_M.jpg",
        "b/2.jpg",
        "b/Thumbs.db",
        ".git/x.jpg",
        "__MACOSX/a/._1.jpg",
        "__MACOSX/._a",
        ".ipynb_checkpoints/3.jpg",
        "lost+found/",
        "birds/",
        ".hidden/4.jpg",
    ]);
    let found = scan(root.path()).unwrap();
    assert_eq!(found.train.classes, ["a", "b"]);
    assert_eq!(found.train.items.len(), 2);
    let expected = [
        (".git", "written by version control", 1),
        (".hidden", "hidden", 1),
        (".ipynb_checkpoints", "written by Jupyter", 1),
        ("__MACOSX", "written by macOS", 2),
        ("a/.DS_Store", "written by macOS", 1),
        ("a/._1.jpg", "written by macOS", 1),
        ("a/@eaDir", "written by a network drive", 1),
        ("b/Thumbs.db", "written by Windows", 1),
        ("birds", "an empty folder", 0),
        ("lost+found", "written by the file system", 0),
    ];
    let listed = found.train.ignored.iter();
    let listed: Vec<_> =
        listed.map(|it| (it.path.to_str().unwrap(), it.reason.to_string(), it.files)).collect();
    assert_eq!(listed, expected.map(|(path, reason, files)| (path, reason.to_owned(), files)));
}

#[test]
fn parts_have_many_names_and_lie_in_boxes() {
    use SplitUse::{Evaluate, Nothing, Train, Validate};
    type Parts<'a> = &'a [(&'a str, &'a str, usize, SplitUse)];
    let cases: [(&[&str], Parts<'_>); 9] = [
        (
            &["train/a/1.jpg", "train/b/2.jpg", "valid/b/4.jpg", "test/c/3.jpg"],
            &[("train", "train", 2, Train), ("valid", "valid", 1, Validate), ("test", "test", 1, Nothing)],
        ),
        (
            &[
                "training_set/training_set/a/1.jpg",
                "training_set/training_set/b/1.jpg",
                "test_set/test_set/a/1.jpg",
            ],
            &[("train", "training_set/training_set", 2, Train), ("test", "test_set/test_set", 1, Evaluate)],
        ),
        (
            &[
                "chest/xray/train/a/1.jpg",
                "chest/xray/train/b/1.jpg",
                "chest/xray/val/a/1.jpg",
                "__MACOSX/._a",
            ],
            &[("train", "chest/xray/train", 2, Train), ("valid", "chest/xray/val", 1, Validate)],
        ),
        (&["PetImages/Cat/1.jpg", "PetImages/Dog/1.jpg", "readme.md"], &[("train", "PetImages", 2, Train)]),
        (
            &[
                "seg_train/seg_train/a/1.jpg",
                "seg_train/seg_train/b/1.jpg",
                "seg_test/seg_test/b/1.jpg",
                "seg_pred/1.jpg",
            ],
            &[("train", "seg_train/seg_train", 2, Train), ("test", "seg_test/seg_test", 1, Evaluate)],
        ),
        (
            &["Train/a/1.jpg", "Train/b/1.jpg", "dev/a/1.jpg", "Validation/b/1.jpg"],
            &[("train", "Train", 2, Train), ("valid", "Validation", 1, Validate), ("dev", "dev", 1, Nothing)],
        ),
        (&["train/a/1.jpg", "train/b/1.jpg"], &[("train", "train", 2, Train)]),
        (
            &["train/a/1.jpg", "train/b/1.jpg", "test/test/1.jpg", "valid/1.jpg"],
            &[
                ("train", "train", 2, Train),
                ("valid", "valid", 1, Nothing),
                ("test", "test/test", 1, Nothing),
            ],
        ),
        (
            &["a/1.jpg", "b/1.jpg", "val/a/1.jpg", "test/b/1.jpg"],
            &[("train", "", 2, Train), ("valid", "val", 1, Validate), ("test", "test", 1, Evaluate)],
        ),
    ];
    for (files, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, path, items, used_for)| ((*name).to_owned(), (*path).to_owned(), *items, *used_for))
            .collect();
        assert_eq!(splits(&tree(files)), expected, "{files:?}");
    }
    let strays =
        tree(&["seg_train/a/1.jpg", "seg_train/b/1.jpg", "seg_test/b/1.jpg", "seg_pred/1.jpg", "2.jpg"]);
    let expected = [("2.jpg", "in no class folder"), ("seg_pred", "no part of the data set by its name")];
    let found = scan(strays.path()).unwrap().train;
    assert_eq!(ignored(&found), expected.map(|(path, reason)| (path, reason.to_owned())));
}

#[test]
fn validation_is_labelled_with_the_classes_that_train() {
    let root = tree(&["train/a/1.jpg", "train/b/2.jpg", "valid/b/4.jpg", "valid/b/notes.txt"]);
    let found = scan(root.path()).unwrap();
    assert_eq!(paths(&found.train), [("train/a/1.jpg", 0), ("train/b/2.jpg", 1)]);
    let valid = found.valid.unwrap();
    assert_eq!(paths(&valid), [("valid/b/4.jpg", 1)]);
    assert_eq!(ignored(&valid), [("valid/b/notes.txt", "not an image".to_owned())]);
    assert!(found.train.ignored.is_empty());
}

#[test]
fn a_class_may_be_called_as_parts_are() {
    let classes = |files: &[&str]| scan(tree(files).path()).unwrap().train.classes;
    assert_eq!(classes(&["car/1.jpg", "plane/2.jpg", "train/3.jpg"]), ["car", "plane", "train"]);
    let nested = ["car/suv/1.jpg", "plane/jet/2.jpg", "train/steam/3.jpg"];
    assert_eq!(classes(&nested), ["car", "plane", "train"]);
    let years = ["invalid/2020/1.jpg", "invalid/2021/1.jpg", "valid/2020/1.jpg", "valid/2021/1.jpg"];
    assert_eq!(classes(&years), ["invalid", "valid"]);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let vehicles =
        ["car", "plane", "train"].map(|name| ["old", "new"].map(|age| format!("{name}/{age}/1.jpg")));
    let vehicles: Vec<&str> = vehicles.iter().flatten().map(String::as_str).collect();
    assert_eq!(
        refusal(&tree(&vehicles)),
        "DATA/train may be the part to train on, with the classes new, old, or a class beside car, plane; as all of them hold \
         the same folders, train is probably a class; give DATA/train if it is the part to train on, and rename it if it is a \
         class"
    );
    assert_eq!(
        refusal(&tree(&["train/a/1.jpg", "train/b/1.jpg", "more/1.jpg"])),
        "DATA/train may be the part to train on, with the classes a, b, or a class beside more; give DATA/train if it is the \
         part to train on, and rename it if it is a class"
    );
    assert_eq!(
        refusal(&tree(&["train/1.jpg", "test/1.jpg"])),
        "DATA has no class folders, only test, train, which parts of a data set are called; expected DATA/train/CLASS/image.jpg \
         with a folder per class; rename them if they are classes"
    );
    assert_eq!(
        refusal(&tree(&["valid/a/1.jpg", "valid/b/1.jpg", "test/a/1.jpg"])),
        "DATA has nothing to train on, only valid, test; give DATA/valid to train on that, or rename a folder to train"
    );
    assert_eq!(
        refusal(&tree(&["train/a/1.jpg", "Training/b/1.jpg"])),
        "DATA has several parts to train on: Training, train; give one of them, or put their items together"
    );
    assert_eq!(
        refusal(&tree(&["cat/train/1.jpg", "cat/test/1.jpg", "dog/train/1.jpg", "dog/test/1.jpg"])),
        "DATA/cat holds test, train, which parts of a data set are called; expected the parts around the classes, as \
         DATA/train/cat/image.jpg"
    );
}

#[test]
fn what_is_no_data_set_says_why() {
    let root = tree(&["file.jpg"]);
    let at = |name: &str| scan(&root.path().join(name)).unwrap_err().to_string();
    assert!(at("none").ends_with("none: no such folder; give one that holds a folder of images per class"));
    assert!(
        at("file.jpg")
            .ends_with("file.jpg is not a folder; give one that holds a folder of images per class")
    );
    assert_eq!(
        refusal(&root),
        "DATA has no class folders, only an image; expected DATA/CLASS/image.jpg with a folder per class, or such \
         folders in DATA/train and DATA/valid"
    );
    let one = tree(&["cat/1.jpg"]);
    assert_eq!(refusal(&one), "DATA has only one class folder, cat; training needs at least two classes");
    let empty = tree(&["cat/1.jpg", "dog/", "emu/notes.txt"]);
    assert_eq!(
        refusal(&empty),
        "DATA has no images in class dog, emu; add some (jpg, jpeg, png, webp, tiff) or remove the folder"
    );
    let stranger = tree(&["train/a/1.jpg", "train/b/2.jpg", "val/a/3.jpg", "val/c/4.jpg", "val/d/5.jpg"]);
    assert_eq!(
        refusal(&stranger),
        "DATA/val has classes that training does not know: c, d; it knows a, b; rename or remove those folders"
    );
}

#[test]
fn names_are_equal_as_people_read_them() {
    let root = tree(&[
        "train/caf\u{e9}/1.jpg",
        "train/cafe\u{301}/2.jpg",
        "train/tea/3.jpg",
        "valid/cafe\u{301}/4.jpg",
    ]);
    let found = scan(root.path()).unwrap();
    assert_eq!(found.train.classes, ["caf\u{e9}", "tea"]);
    assert_eq!(found.train.items.iter().filter(|item| item.target == Target::Class(0)).count(), 2);
    assert_eq!(found.valid.unwrap().items[0].target, Target::Class(0));
    // Runs of earlier versions know the name as the folder had it.
    let known = ["cafe\u{301}", "tea"].map(str::to_owned);
    assert_eq!(scan_known(&root.path().join("train"), &IMAGES, &known).unwrap().items.len(), 3);
}

#[test]
fn known_classes_keep_their_labels() {
    let root = tree(&["box/c/1.jpg", "box/a/2.jpg", "box/b/"]);
    let known = ["a", "b", "c"].map(str::to_owned);
    let found = scan_known(root.path(), &IMAGES, &known).unwrap();
    assert_eq!(paths(&found), [("box/a/2.jpg", 0), ("box/c/1.jpg", 2)]);
    let one = scan_known(&root.path().join("box"), &IMAGES, &known).unwrap();
    assert_eq!(one.items.len(), 2);
}

#[test]
fn what_is_evaluated_is_what_validates_or_else_tests() {
    let evaluated = |files: &[&str], known: &[&str]| {
        let known: Vec<String> = known.iter().map(|&name| name.to_owned()).collect();
        let found = scan_to_evaluate(tree(files).path(), &IMAGES, &known).unwrap();
        paths(&found).into_iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>()
    };
    let known = ["a", "b"];
    let parts = ["train/a/1.jpg", "train/b/2.jpg", "valid/b/3.jpg", "test/a/4.jpg"];
    assert_eq!(evaluated(&parts, &known), ["valid/b/3.jpg"]);
    assert_eq!(
        evaluated(&["train/a/1.jpg", "train/b/2.jpg", "Testing/a/4.jpg"], &known),
        ["Testing/a/4.jpg"]
    );
    assert_eq!(evaluated(&["test/a/4.jpg", "valid/a/3.jpg"], &known), ["valid/a/3.jpg"]);
    assert_eq!(evaluated(&["a/1.jpg", "b/2.jpg", "val/a/3.jpg"], &known), ["val/a/3.jpg"]);
    assert_eq!(evaluated(&["a/1.jpg", "b/2.jpg"], &known).len(), 2);
    assert_eq!(evaluated(&["a/deep/1.jpg", "a/deeper/1.jpg"], &known).len(), 2);
    assert_eq!(evaluated(&["a/1.jpg", "val/deep/2.jpg"], &["a", "val"]).len(), 2);
    assert_eq!(evaluated(&["train/a/1.jpg", "train/b/2.jpg"], &known).len(), 2);
}

#[test]
fn most_files_tell_what_a_folder_holds() {
    let is_images = |files: &[&str]| holds_mostly(tree(files).path(), &IMAGES);
    assert!(is_images(&["a/1.jpg", "a/2.jpg", "a/1.txt", "b/3.jpg", "b/.DS_Store", "1.md", "2.md", "3.md"]));
    assert!(!is_images(&["a/1.jpg", "a/1.txt"]), "half is not most");
    assert!(is_images(&["train/a/1.jpg", "train/a/3.jpg", "train/b/2.txt"]));
    assert!(!holds_mostly(Path::new("nowhere"), &IMAGES));
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let root = tree(&["a/1.jpg", "b/2.jpg", "a/deep/3.jpg"]);
    let other = tree(&["more/4.jpg"]);
    let link = |to: &Path, name: &str| symlink(to, root.path().join(name)).unwrap();
    link(&root.path().join("a"), "a/deep/up");
    link(&root.path().join("a/1.jpg"), "b/1.jpg");
    link(Path::new("nowhere.jpg"), "b/lost.jpg");
    link(Path::new("nowhere"), "b/lost");
    link(&root.path().join("a"), "c");
    link(other.path(), "b/other");
    link(other.path(), "b/twice");
    let found = scan(root.path()).unwrap().train;
    assert_eq!(found.classes, ["a", "b", "c"]);
    let expected = [
        "a/1.jpg",
        "a/deep/3.jpg",
        "b/1.jpg",
        "b/2.jpg",
        "b/lost.jpg",
        "b/other/more/4.jpg",
        "c/1.jpg",
        "c/deep/3.jpg",
    ];
    assert_eq!(paths(&found).into_iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    let expected = [
        ("a/deep/up", "a link to a folder that it lies in"),
        ("b/lost", "a link to nothing"),
        ("b/twice", "a link to a folder that another link leads to"),
        ("c/deep/up", "a link to a folder that it lies in"),
    ];
    assert_eq!(ignored(&found), expected.map(|(path, reason)| (path, reason.to_owned())));
}

/// Files below a folder.
fn count(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

/// Paths as people's folders have them, with litter, parts, boxes and files of other kinds.
fn some_paths() -> impl Strategy<Value = Vec<String>> {
    let folder = prop::sample::select(vec![
        "a",
        "a",
        "b",
        "b",
        "train",
        "Training_Set",
        "test",
        "val",
        "dev",
        "box",
        "__MACOSX",
        ".git",
        "caf\u{e9}",
        "cafe\u{301}",
        "lost+found",
    ]);
    let file = prop::sample::select(vec![
        "1.jpg",
        "2.PNG",
        "3",
        "notes.txt",
        "._1.jpg",
        "Thumbs.db",
        ".DS_Store",
        "4.jpg.1",
    ]);
    let path = (prop::collection::vec(folder, 0..4), file)
        .prop_map(|(folders, file)| folders.into_iter().chain([file]).collect::<Vec<_>>().join("/"));
    let some = prop::collection::vec(path, 1..24);
    // Half of them have what a data set must have, so that not all are refused.
    let base = prop::sample::select(vec!["", "", "box/", "train/", "box/train/", "Training_Set/box/"]);
    (some, base, prop::bool::ANY).prop_map(|(mut paths, base, is_set)| {
        if is_set {
            paths.extend(["a", "b"].map(|class| format!("{base}{class}/0.jpg")));
        }
        paths
    })
}

/// The law: every file is an item of a part, or it is listed.
#[test]
fn no_file_is_lost() {
    let accepted = std::cell::Cell::new(0);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) });
    let outcome = runner.run(&some_paths(), |paths| {
        let root = tree(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        if let Ok(found) = find(root.path(), &IMAGES) {
            accepted.set(accepted.get() + 1);
            let reading = found.reading.unwrap();
            prop_assert_eq!(reading.files(), count(root.path()), "{:?} of {:?}", reading, paths);
            // What readers go through is what the reading lists.
            let parts = [Some(&found.train), found.valid.as_ref()];
            let listed: usize =
                parts.into_iter().flatten().flat_map(|files| &files.ignored).map(|it| it.files).sum();
            prop_assert_eq!(listed, reading.ignored.iter().map(|it| it.files).sum::<usize>());
            let used: usize = parts.into_iter().flatten().map(|files| files.items.len()).sum();
            prop_assert_eq!(used, reading.classes.iter().map(|(_, count)| count).sum::<usize>());
        }
        let (items, ignored) = all_files(root.path(), &IMAGES).unwrap();
        prop_assert_eq!(items.len() + ignored.iter().map(|it| it.files).sum::<usize>(), count(root.path()));
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() > 60, "only {} of the trees are data sets", accepted.get());
}
