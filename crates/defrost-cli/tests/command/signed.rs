//! Runs that a key must have signed.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use minisign::KeyPair;

use crate::support::{Ran, defrost_in, people};

/// What `minisign -S -m bundle.json` does.
fn sign(run: &Path, keys: &KeyPair) {
    let manifest = fs::read(run.join("bundle.json")).unwrap();
    let signature = minisign::sign(Some(&keys.pk), &keys.sk, Cursor::new(manifest), None, None).unwrap();
    fs::write(run.join("bundle.json.minisig"), signature.to_string()).unwrap();
}

#[test]
fn a_run_that_nobody_known_has_signed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let train = ["train", "people.csv", "--label-column", "group", "--epochs", "1", "--out", "run"];
    assert_eq!(defrost_in(folder, &train).code, 0);
    let keys = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let [own, other] = keys.each_ref().map(|keys| keys.pk.to_base64());
    fs::write(folder.join("own.pub"), keys[0].pk.to_box().unwrap().to_string()).unwrap();
    let predict = |run: &str, key: &str| -> Ran {
        defrost_in(folder, &["predict", run, "people.csv", "--signed-by", key])
    };
    let refused = |run: &str, key: &str| predict(run, key).usage_error().to_owned();

    assert!(refused("run", &own).contains("the run is not signed: there is no bundle.json.minisig in it"));
    assert!(refused("run", "no key").starts_with("--signed-by: this is no public key of minisign"));
    sign(&folder.join("run"), &keys[0]);
    for key in [own.as_str(), "own.pub"] {
        assert_eq!(predict("run", key).code, 0, "{}", predict("run", key).stderr);
    }
    assert!(refused("run", &other).contains("is not signed with this key, or has changed since"));
    assert_eq!(defrost_in(folder, &["pack", "run", "run.defrost"]).code, 0);
    assert_eq!(predict("run.defrost", &own).code, 0);
    let evaluate = ["evaluate", "run", "people.csv", "--signed-by", &other];
    assert!(defrost_in(folder, &evaluate).usage_error().contains("not signed with this key"));
    let serve = ["serve", "run", "--port", "0", "--signed-by", &other];
    assert!(defrost_in(folder, &serve).usage_error().contains("not signed with this key"));

    let manifest = folder.join("run/bundle.json");
    let changed = fs::read_to_string(&manifest).unwrap() + "\n";
    fs::write(&manifest, changed).unwrap();
    assert_eq!(defrost_in(folder, &["predict", "run", "people.csv"]).code, 0);
    assert!(refused("run", &own).contains("has changed since"));
}
