#!/usr/bin/env python3
"""What freezing does to weights and to time: about two minutes.

    python3 docs/experiments/freeze.py [--seeds 1 2 3]

Four epochs of the sample, frozen up to each position. Prints how many numbers of each layer group changed, and how long each epoch took.
"""

import statistics
import tempfile
from pathlib import Path

import book
from moved import moved

PRETRAINED = book.HERE.parents[1] / "crates/defrost/assets/efficientnet_lite0.safetensors"
# The stages of layer group 0; the others of the body are group 1.
EARLY = {"stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3"}
PLANS = {"groups 0 and 1 frozen": -1, "group 0 frozen": 1, "nothing frozen": 0}

given = book.parser(__doc__).parse_args()
changed, seconds = {}, {}
for name, position in PLANS.items():
    times = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder, "run")
            # An empty cache, so that the first epoch computes what the others read.
            words = ["--freeze-to", position, "--epochs", 4, "--size", 64, "--augment", "none", "--seed", seed, "--out", run]
            trained = book.defrost("train", book.FASHION, *words, cache=Path(folder, "cache"))
            counts = moved(PRETRAINED, run / "model.safetensors")
            times.append([epoch["seconds"] for epoch in trained["epochs"]])
    groups = [[sum(counts[stage][at] for stage in counts if (stage in EARLY) == early) for at in (0, 1)] for early in (True, False)]
    changed[name] = groups
    seconds[name] = {"first": [epochs[0] for epochs in times], "later": [statistics.mean(epochs[1:]) for epochs in times]}
    numbers = "; ".join(f"group {index}: {moved:,} of {count:,} numbers changed" for index, (moved, count) in enumerate(groups))
    first, later = (statistics.mean(seconds[name][part]) for part in ("first", "later"))
    print(f"{name:22} {numbers}; first epoch {first:.2f} s, each later one {later:.2f} s", flush=True)
rows = [(f"{name}: {part} epoch", seconds[name][part], index) for index, name in enumerate(PLANS) for part in ("first", "later")]
book.draw("freeze", book.bars(
    "What an epoch costs",
    "Seconds of an epoch over 1,000 images: " + "; ".join(f"{name} {statistics.mean(times):.2f}" for name, times, _ in rows),
    "seconds over 1,000 images at 64 pixels: bars are means, dots are seeds", rows, " s"))
