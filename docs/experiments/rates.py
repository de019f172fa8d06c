#!/usr/bin/env python3
"""Learning rates swept, with three spreads over the layer groups: about ten minutes.

    python3 docs/experiments/rates.py [--seeds 1 2 3] [--rates 3e-4 1e-3 3e-3 1e-2]

40 images of each class train. The best head is computed first, and then everything learns for four epochs at these rates. The accuracy is
that of the last epoch on the 300 images of samples/fashion/valid: nothing is chosen by them.
"""

import tempfile
from pathlib import Path

import book

# What the first layer group gets of the head's rate.
SPREADS = {"all groups the same": 1, "first group a third": 1 / 3, "first group a hundredth": 1 / 100}

given = book.parser(__doc__)
given.add_argument("--images", type=int, default=40)
given.add_argument("--rates", nargs="+", default=["3e-4", "1e-3", "3e-3", "1e-2"])
given = given.parse_args()
results = {name: [] for name in SPREADS}
for name, part in SPREADS.items():
    for rate in given.rates:
        found = []
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                data = book.pick(Path(folder, "data"), given.images, seed)
                low = f"{float(rate) * part:g}"
                words = ["--valid", book.JUDGES, "--size", 64, "--seed", seed, "--lr", f"{low}..{rate}"]
                trained = book.defrost("train", data, "--out", Path(folder, "run"), *words)
                found.append(trained["epochs"][-1]["metrics"]["accuracy"])
        results[name].append(found)
        print(f"{name:24} head {rate:5} {book.spread(found)}", flush=True)
book.draw("rates", book.lines(
    "Learning rates by group",
    "Accuracy after four thawed epochs, by the highest rate: "
    + "; ".join(f"{name} {', '.join(book.spread(found) for found in points)}" for name, points in results.items()),
    "highest rate, --lr", "accuracy after the last epoch on 300 other images: dots are seeds, lines join their means",
    given.rates, list(results.items())))
