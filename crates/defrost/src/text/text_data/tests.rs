use std::fs;

use super::super::is_text_folder;
use super::*;

/// A name and what is in it.
type File<'a> = (&'a str, &'a [u8]);

/// A temporary folder with these files in it.
fn tree(files: &[File<'_>]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    root
}

fn refusal(files: &[File<'_>]) -> String {
    let root = tree(files);
    let message = TextData::open(root.path()).unwrap_err().to_string();
    message.replace(&root.path().display().to_string(), "ROOT")
}

/// Texts of these classes, in these columns.
fn known<'a>(columns: &'a TextColumns, classes: &'a [String]) -> Sought<'a> {
    Sought {
        columns,
        kind: TargetKind::Class,
        separator: None,
        together: &Together::None,
        valid_column: None,
        known: Some(classes),
    }
}

#[test]
fn folders_are_classes_and_bad_files_are_left_out() {
    let root = tree(&[
        ("train/no/1.txt", b"bad"),
        ("train/yes/deep/2.TXT", "\u{feff}good\n".as_bytes()),
        ("train/yes/3.txt", b"\xff\xfe"),
        ("train/yes/.hidden.txt", b"x"),
        ("train/yes/notes.md", b"x"),
        ("valid/yes/4.txt", b"fine"),
        ("readme.md", b"x"),
    ]);
    assert!(is_text_folder(root.path()));
    let TextParts { train: texts, valid, .. } = TextData::open(root.path()).unwrap().parts().unwrap();
    assert_eq!(texts.classes, ["no", "yes"]);
    let found: Vec<(&str, usize)> =
        texts.items.iter().map(|item| (item.text.as_str(), item.target.class().unwrap())).collect();
    assert_eq!(found, [("bad", 0), ("good", 1)]);
    let kinds: Vec<&str> = texts.skipped.iter().map(|skipped| skipped.kind).collect();
    assert_eq!(kinds, ["encoding", "not-a-text"]);
    let ValidTexts::Given(valid) = valid else { panic!("the folder says what validates") };
    assert_eq!((valid.items.len(), valid.items[0].target.class().unwrap()), (1, 1));
    // Evaluation uses the validation part, as for images.
    let columns = TextColumns::default();
    let sought = known(&columns, &texts.classes);
    assert_eq!(LabelledTexts::read_to_evaluate(root.path(), sought).unwrap(), valid);
}

#[test]
fn validation_may_lie_among_the_classes() {
    let root = tree(&[("a/1.txt", b"x"), ("b/1.txt", b"y"), ("val/a/1.txt", b"z")]);
    let counts = |data: TextData| data.counts().unwrap();
    let data = TextData::open(root.path()).unwrap();
    assert_eq!(counts(data.clone()), TextCounts { classes: vec!["a".into(), "b".into()], train: 2 });
    assert_eq!(counts(data.validation(Validation::Items(vec![1]))).train, 1);
}

#[test]
fn folders_that_make_no_classes_say_why() {
    let (one, two): (File<'_>, File<'_>) = (("a/1.txt", b"x"), ("b/1.txt", b"x"));
    assert_eq!(refusal(&[one]), "ROOT has only one class folder, a; training needs at least two classes");
    assert_eq!(
        refusal(&[("1.txt", b"x")]),
        "ROOT has no class folders, only a text; expected ROOT/CLASS/text.txt with a folder per class, or such folders in \
         ROOT/train and ROOT/valid"
    );
    let root = tree(&[one, two]);
    let classes = ["a", "c"].map(str::to_owned);
    let columns = TextColumns::default();
    let message = LabelledTexts::read_known(root.path(), known(&columns, &classes)).unwrap_err().to_string();
    assert!(
        message.ends_with(
            "has classes that training does not know: b; it knows a, c; rename or remove those folders"
        ),
        "{message}"
    );
    assert_eq!(
        refusal(&[one, ("c/notes.md", b"x")]),
        "ROOT has no texts in class c; add some (txt) or remove the folder"
    );
    assert_eq!(
        TextData::from_texts([("a", "x")]).unwrap_err().to_string(),
        "the texts are of 1 classes; training needs at least two"
    );
}

#[test]
fn images_are_no_texts() {
    let root = tree(&[("a/1.jpg", b"x"), ("a/1.txt", b"x")]);
    assert!(!is_text_folder(root.path()), "half of the files are texts, and that is not most");
    assert!(!is_text_folder(&root.path().join("none")));
}

/// A file's texts, read as `prepare` says.
fn parts(csv: &str, prepare: impl Fn(TextData) -> TextData) -> Result<TextParts, String> {
    let root = tree(&[("data.csv", csv.as_bytes())]);
    let data = prepare(TextData::open(root.path().join("data.csv")).unwrap());
    data.parts().map_err(|error| error.to_string().replace(&root.path().display().to_string(), "ROOT"))
}

const FOUR: &str = "text,toxic,rude,age,split\nI say so and so,1,1,30,train\nI do say a lot,0,1,40,train\n\
                    I say nothing at all,0,0,N/D,train\nI have been saying it,1,0,20.5,valid\n";

#[test]
fn texts_may_have_several_labels_or_a_number() {
    let several = |data: TextData| data.target(TargetKind::Labels);
    let found = parts(FOUR, several).unwrap().train;
    assert_eq!(found.classes, ["rude", "toxic"]);
    let targets =
        |texts: LabelledTexts| -> Vec<Target> { texts.items.into_iter().map(|item| item.target).collect() };
    assert_eq!(found.columns.label, None);
    assert_eq!(targets(found), [vec![0, 1], vec![0], vec![], vec![1]].map(Target::Labels));
    let divided = parts(FOUR, |data| several(data).valid_column("split")).unwrap();
    let ValidTexts::Given(valid) = divided.valid else { panic!("a column says what validates") };
    assert_eq!((divided.train.items.len(), targets(valid)), (3, vec![Target::Labels(vec![1])]));
    let ages = |data: TextData| data.target(TargetKind::Number).label_column("age");
    let found = parts(FOUR, ages).unwrap().train;
    assert_eq!((found.classes.len(), found.skipped.len(), found.skipped[0].kind), (0, 1, "bad-label"));
    assert_eq!(targets(found), [30.0, 40.0, 20.5].map(Target::Number));
    let tags = "text,tags\nI say so and so,a|b\nI do say a lot,b\n";
    assert_eq!(targets(parts(tags, several).unwrap().train), [vec![0, 1], vec![1]].map(Target::Labels));
}

#[test]
fn labels_that_are_not_clear_are_refused() {
    let refused = |csv: &str, prepare: fn(TextData) -> TextData| parts(csv, prepare).err().unwrap();
    assert_eq!(
        refused(FOUR, |data| data),
        "ROOT/data.csv: which column is the label is not clear; there are toxic, rude, age, split"
    );
    let both = "text,cat,dog\nI say so and so,1,1\nI do say a lot,0,1\n";
    assert_eq!(
        refused(both, |data| data),
        "ROOT/data.csv: which column is the label is not clear; `cat`, `dog` say yes or no, and most rows do not have exactly one of them"
    );
    assert_eq!(
        refused(FOUR, |data| data.label_column("split").target(TargetKind::Number)),
        "ROOT/data.csv: no row has a label in `split`"
    );
    let other = "text,label,split\nI say so and so,x,train\nI do say a lot,y,train\nI say it again,x,train\n\
                 I said it all before,y,train\nI have been saying it,z,valid\n";
    assert_eq!(
        refused(other, |data| data.valid_column("split")),
        "ROOT/data.csv: training knows none of these labels: z; it knows x, y"
    );
}
