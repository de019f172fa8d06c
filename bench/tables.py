#!/usr/bin/env python3
"""Tables: defrost's network of embeddings beside scikit-learn's gradient boosting, on the same rows.

Each seed splits off a fifth, stratified; both train on the rest and are judged on that fifth: defrost after its last epoch
(not its best, which would have been chosen on these rows), scikit-learn's HistGradientBoostingClassifier with its defaults
and with the categories told.

    pip install scikit-learn pandas
    cargo build --release; python3 bench/tables.py FILE.csv LABEL [--seeds 3] [--epochs 10]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

DEFROST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/defrost")


def boosting(train, valid, label, seed):
    frame = pd.concat([train, valid]).drop(columns=label)
    for column in frame.select_dtypes(exclude="number"):
        frame[column] = frame[column].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    model.fit(frame[: len(train)], train[label])
    scores = model.predict_proba(frame[len(train):])
    auc = roc_auc_score(valid[label] == model.classes_[1], scores[:, 1])
    return accuracy_score(valid[label], model.predict(frame[len(train):])), auc


def network(train, valid, label, seed, epochs):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("train.csv", "valid.csv")]
        train.to_csv(paths[0], index=False)
        valid.to_csv(paths[1], index=False)
        words = [DEFROST, "train", paths[0], "--task", "table", "--valid", paths[1], "--label-column", label, "--epochs", str(epochs),
                 "--lr", "3e-3", "--batch", "64", "--seed", str(seed), "--out", os.path.join(folder, "run"), "--json"]
        last = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["epochs"][-1]
    return last["metrics"]["accuracy"], last["metrics"]["roc_auc"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("label")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    data = pd.read_csv(arguments.file)
    data = data[data[arguments.label].notna()]
    results = {"defrost": [], "boosting": []}
    for seed in range(arguments.seeds):
        train, valid = train_test_split(data, test_size=0.2, stratify=data[arguments.label], random_state=seed)
        results["defrost"].append(network(train, valid, arguments.label, seed, arguments.epochs))
        results["boosting"].append(boosting(train, valid, arguments.label, seed))
    most = data[arguments.label].value_counts(normalize=True).max()
    print(f"{os.path.basename(arguments.file)}: {len(data)} rows, always the commonest class: {most:.3f}")
    for name, pairs in results.items():
        for measure, values in zip(("accuracy", "roc_auc"), zip(*pairs)):
            listed = " ".join(f"{value:.3f}" for value in values)
            print(f"  {name:9} {measure:9} mean {statistics.mean(values):.3f}  ({listed})")


main()
