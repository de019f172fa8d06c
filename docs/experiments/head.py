#!/usr/bin/env python3
"""A new head with random weights and one that begins at zero, thawed at once or after the head: about three minutes.

    python3 docs/experiments/head.py [--seeds 1 2 3]

20 images of each class train, a fifth of which chooses the best epoch. The 300 images of samples/fashion/valid judge each network, and then the
best head that can be computed on its features.
"""

import tempfile
from pathlib import Path

import book

PLANS = {
    "random head, all at once": ["--head", "fastai", "--freeze-to", 0],
    "random head, head first": ["--head", "fastai", "--freeze-epochs", 3],
    "zero head, all at once": ["--freeze-to", 0],
    "zero head, head first": ["--freeze-epochs", 3],
}

given = book.parser(__doc__).parse_args()
networks = {"pretrained body, best head": []} | {name: [] for name in PLANS}
features = {name: [] for name in PLANS}
for seed in given.seeds:
    with tempfile.TemporaryDirectory() as folder:
        common = [book.pick(Path(folder, "data"), 20, seed), "--size", 64, "--seed", seed]

        def judged(name, *words):
            """Trains, and returns the run and its accuracy."""
            run = Path(folder, name)
            book.defrost("train", *common, "--out", run, *words)
            return run, book.accuracy(run)

        networks["pretrained body, best head"].append(judged("head", "--epochs", 0)[1])
        for name, words in PLANS.items():
            run, accuracy = judged(name, *words)
            networks[name].append(accuracy)
            features[name].append(judged(f"{name} features", "--pretrained", run, "--epochs", 0)[1])
rows = []
for name, found in networks.items():
    print(f"{name:28} {book.spread(found)}" + (f"; best head on its features {book.spread(features[name])}" if name in features else ""))
    rows.append((name, found, 0))
    if name in features:
        rows.append(("best head on its features", features[name], 1))
book.draw("head", book.bars(
    "A random head, and one that begins at zero",
    "Accuracy on 300 images that no run has seen: " + "; ".join(f"{name} {book.spread(found)}" for name, found, _ in rows),
    "accuracy on 300 other images: bars are means, dots are seeds", rows))
