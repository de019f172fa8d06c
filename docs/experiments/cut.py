#!/usr/bin/env python3
"""How useful the features of each depth are, frozen and thawed: about ten minutes.

    python3 docs/experiments/cut.py [--seeds 1 2 3] [--cuts blocks.1 … blocks.6]

The head goes on the features before the stage that `--cut` names. A run trains on 40 images of each class of samples/fashion/train, a fifth
of which validate and choose. The 300 images of samples/fashion/valid judge.
"""

import tempfile
from pathlib import Path

import book

RECIPES = {"head only": ["--epochs", "0"], "default, thawed": []}

given = book.parser(__doc__)
given.add_argument("--cuts", nargs="+", default=["blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "blocks.6"])
given = given.parse_args()
results = {name: [] for name in RECIPES}
for cut in given.cuts:
    for name, words in RECIPES.items():
        found = []
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                data, run = book.pick(Path(folder, "data"), 40, seed), Path(folder, "run")
                book.defrost("train", data, "--size", 64, "--seed", seed, "--out", run, "--cut", cut, *words)
                found.append(book.accuracy(run))
        results[name].append(found)
        print(f"cut {cut:10} {name:16} {book.spread(found)}", flush=True)
book.draw("cut", book.lines(
    "Features of each depth",
    "Accuracy on 300 images that no run has seen, by the stage that is cut off, with all after it: "
    + "; ".join(f"{name} {', '.join(book.spread(found) for found in points)}" for name, points in results.items()),
    "first stage that is left off, --cut", "accuracy on 300 other images: dots are seeds, lines join their means",
    given.cuts, list(results.items())))
