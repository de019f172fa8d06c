#!/usr/bin/env python3
"""Learning rates swept, with two spreads over the layer groups: about three minutes.

    python3 docs/experiments/rates.py [--seeds 1 2 3] [--rates 3e-4 1e-3 3e-3 1e-2]

20 images of each class train. The best head is computed first, and then everything learns for two epochs at these rates. The accuracy is that
of the last epoch on the 300 images of samples/fashion/valid: nothing is chosen by them.
"""

import tempfile
from pathlib import Path

import book

# What the first layer group gets of the head's rate.
SPREADS = {"all groups the same": 1, "first group a hundredth": 1 / 100}

given = book.parser(__doc__)
given.add_argument("--rates", nargs="+", default=["3e-4", "1e-3", "3e-3", "1e-2"])
given = given.parse_args()
results = {name: [] for name in SPREADS}
for rate in given.rates:
    for name, part in SPREADS.items():
        found = []
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                data, low = book.pick(Path(folder, "data"), 20, seed), f"{float(rate) * part:g}"
                words = ["--valid", book.JUDGES, "--size", 64, "--epochs", 2, "--seed", seed, "--lr", f"{low}..{rate}"]
                trained = book.defrost("train", data, "--out", Path(folder, "run"), *words)
                found.append(trained["epochs"][-1]["metrics"]["accuracy"])
        results[name].append(found)
        print(f"--lr {rate:5} {name:24} {book.spread(found)}", flush=True)
book.draw("rates", book.lines(
    "Learning rates by group",
    "Accuracy after two thawed epochs, by the highest rate: "
    + "; ".join(f"{name} {', '.join(book.spread(found) for found in points)}" for name, points in results.items()),
    "highest rate, --lr", "accuracy after the last epoch on 300 other images: dots are seeds, lines join their means",
    given.rates, list(results.items())))
