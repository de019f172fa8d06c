#!/usr/bin/env python3
"""When thawing pays, by the number of training images.

    python3 docs/experiments/amount.py [--seeds 1 2 3] [--images 5 20 60 100]

Each run trains on N images of each class, a fifth of which validate and choose. The 300 images of samples/fashion/valid judge.
"""

import tempfile
from pathlib import Path

import book

RECIPES = {"head only": ["--epochs", "0"], "thawed from the start": ["--freeze-to", "0"], "default": []}

given = book.parser(__doc__)
given.add_argument("--images", type=int, nargs="+", default=[5, 20, 60, 100])
given = given.parse_args()
results = {name: [] for name in RECIPES}
for images in given.images:
    for name, words in RECIPES.items():
        found = []
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                data, run = book.pick(Path(folder, "data"), images, seed), Path(folder, "run")
                book.defrost("train", data, "--size", 64, "--seed", seed, "--out", run, *words)
                found.append(book.accuracy(run))
        results[name].append(found)
        print(f"{images:4} images of a class, {name:22} {book.spread(found)}", flush=True)
book.draw("amount", book.lines(
    "When thawing pays",
    "Accuracy on 300 images that no run has seen, by the number of training images of a class: "
    + "; ".join(f"{name} {', '.join(book.spread(found) for found in points)}" for name, points in results.items()),
    "training images of each class", "accuracy on 300 other images: dots are seeds, lines join their means",
    given.images, list(results.items())))
