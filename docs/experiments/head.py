#!/usr/bin/env python3
"""A new head with random weights, and one that starts at zero or is computed first: about five minutes.

    python3 docs/experiments/head.py [--seeds 1 2 3] [--epochs 4]

40 images of each class train, with one rate for all groups. Accuracies are on the 300 images of samples/fashion/valid, by which nothing is
chosen. At the end a best head is computed on the features that two of the bodies have then, and on those of the pretrained one.
"""

import tempfile
from pathlib import Path

import book

given = book.parser(__doc__)
given.add_argument("--epochs", type=int, default=4)
given = given.parse_args()

RANDOM = ["--head", "fastai", "--norm", "adapt"]
# The unfrozen phase of a recipe takes half of --lr, so the rates of all four are the same.
START, THAWED = ["--freeze-to", 0, "--lr", "1e-3,1e-3,1e-3"], ["--lr", "2e-3,2e-3,2e-3"]
PLANS = {
    "random head, all at once": RANDOM + START,
    "random head, head first": RANDOM + THAWED + ["--freeze-epochs", 4],
    "zero head, all at once": START,
    "best head first": THAWED,
}
results = {name: [[] for _ in range(given.epochs)] for name in PLANS}
features = {name: [] for name in ["pretrained", "random head, all at once", "zero head, all at once"]}
for seed in given.seeds:
    with tempfile.TemporaryDirectory() as folder:
        data = book.pick(Path(folder, "data"), 40, seed)
        common = [data, "--valid", book.JUDGES, "--size", 64, "--seed", seed]

        def head_on_features(name, *words):
            """The accuracy of the best head on the features of a body."""
            trained = book.defrost("train", *common, "--epochs", 0, "--out", Path(folder, f"features of {name}"), *words)
            features[name].append(trained["best"]["metrics"]["accuracy"])

        head_on_features("pretrained")
        for name, words in PLANS.items():
            run = Path(folder, name)
            trained = book.defrost("train", *common, "--epochs", given.epochs, "--out", run, *words)
            thawed = [epoch["metrics"]["accuracy"] for epoch in trained["epochs"]][-given.epochs :]
            for epoch, accuracy in enumerate(thawed):
                results[name][epoch].append(accuracy)
            if name in features:
                head_on_features(name, "--pretrained", run)
for name, epochs in results.items():
    print(f"{name:26} after each thawed epoch:", ", ".join(book.spread(found) for found in epochs))
for name, found in features.items():
    print(f"best head on the features, {name:26} {book.spread(found)}")
book.draw("head", book.lines(
    "A random head, and better ones",
    "Accuracy on 300 images after each thawed epoch: "
    + "; ".join(f"{name} {', '.join(book.spread(found) for found in epochs)}" for name, epochs in results.items()),
    "epochs in which everything trained", "accuracy on 300 other images: dots are seeds, lines join their means",
    range(1, given.epochs + 1), list(results.items())))
