#!/usr/bin/env python3
"""Tables: defrost beside scikit-learn's histogram gradient boosting, on the same rows, nothing tuned.

Each seed holds out a fifth of the rows (stratified for classes), which nobody sees while training. Boosting gets the rest with its defaults,
categories told. defrost gets the rest as one CSV file, splits its own validation part off it, and is then judged by `evaluate` on what was
held out; with `--before BINARY` an earlier one too. The score is accuracy, or R² for numbers.

    pip install scikit-learn pandas
    cargo build --release -p defrost-cli; python3 bench/tables.py [FILE.csv:LABEL ...] [--seeds 3] [--shared ../shared]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from functools import partial

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

DEFROST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/defrost")
TABLES = ["data/attrition.csv:Attrition", "data/credit_data.csv:Status", "data/tables/ames.csv:Sale_Price",
          "data/tables/car_prices.csv:Price", "data/tables/hpc_data.csv:class", "data/tables/wa_churn.csv:churn"]


def is_number(column):
    """Whether defrost takes a label for a number: with a fraction, or more than twenty whole ones."""
    return pd.api.types.is_numeric_dtype(column) and (column.nunique() > 20 or (column % 1 != 0).any())


def boosting(train, test, label, seed):
    frame = pd.concat([train, test]).drop(columns=label)
    for column in frame.select_dtypes(exclude="number"):
        frame[column] = frame[column].astype("category")
    model = HistGradientBoostingRegressor if is_number(train[label]) else HistGradientBoostingClassifier
    started = time.time()
    model = model(categorical_features="from_dtype", random_state=seed).fit(frame[: len(train)], train[label])
    seconds, found = time.time() - started, model.predict(frame[len(train):])
    score = r2_score if is_number(train[label]) else accuracy_score
    return score(test[label], found), seconds


def command(*words):
    return json.loads(subprocess.run([*words, "--json"], check=True, capture_output=True, text=True).stdout)


def network(binary, train, test, label, seed):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("train.csv", "test.csv", "run")]
        train.to_csv(paths[0], index=False)
        test.to_csv(paths[1], index=False)
        started = time.time()
        command(binary, "train", paths[0], "--task", "table", "--label-column", label, "--seed", str(seed), "--out", paths[2])
        seconds = time.time() - started
        metrics = command(binary, "evaluate", paths[2], paths[1])["metrics"]
    return metrics["r2" if is_number(train[label]) else "accuracy"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="FILE.csv:LABEL")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shared", default="../shared", help="where the six tables are that are measured by default")
    parser.add_argument("--before", metavar="BINARY", help="an earlier defrost, to be measured on the same rows")
    arguments = parser.parse_args()
    tables = arguments.tables or [os.path.join(arguments.shared, table) for table in TABLES]
    ways = {"defrost": partial(network, DEFROST), "boosting": boosting}
    if arguments.before:
        ways = {"before": partial(network, arguments.before), **ways}
    means = {}
    print("| | rows | score |" + "".join(f" {way} | s |" for way in ways))
    print("|---|---|---|" + "---|---|" * len(ways))
    for table in tables:
        path, label = table.rsplit(":", 1)
        # As the file says it: pandas would take `None` and the like for missing, and write them as nothing.
        data = pd.read_csv(path, keep_default_na=False, na_values=["", "NA"])
        data = data[data[label].notna()]
        results = {way: [] for way in ways}
        for seed in range(arguments.seeds):
            by = None if is_number(data[label]) else data[label]
            train, test = train_test_split(data, test_size=0.2, stratify=by, random_state=seed)
            for way, run in ways.items():
                results[way].append(run(train, test, label, seed))
        cells = []
        for way in ways:
            scores, seconds = zip(*results[way])
            means.setdefault(way, []).append(statistics.mean(scores))
            spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
            cells.append(f" {statistics.mean(scores):.3f} ± {spread:.3f} | {statistics.mean(seconds):.1f} |")
        name = os.path.splitext(os.path.basename(path))[0]
        print(f"| {name} | {len(data)} | {'R²' if is_number(data[label]) else 'accuracy'} |" + "".join(cells), flush=True)
    print("| mean | | |" + "".join(f" {statistics.mean(means[way]):.3f} | |" for way in ways))


main()
