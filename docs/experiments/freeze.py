#!/usr/bin/env python3
"""Which numbers change, with the body frozen, with layer group 0 frozen, and with nothing frozen: less than a minute.

    python3 docs/experiments/freeze.py

One epoch of the sample for each. The same seed gives the same bytes, so one seed is enough.
"""

import tempfile
from pathlib import Path

import book
from moved import moved

PRETRAINED = book.HERE.parents[1] / "crates/defrost/assets/efficientnet_lite0.safetensors"
# The stages of layer group 0; the others of the body are group 1.
EARLY = {"stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3"}
PLANS = {"body frozen": -1, "group 0 frozen": 1, "nothing frozen": 0}

book.parser(__doc__).parse_args()
rows = []
for colour, (name, position) in enumerate(PLANS.items()):
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        book.defrost("train", book.FASHION, "--size", 64, "--epochs", 1, "--freeze-to", position, "--out", run)
        counts = moved(PRETRAINED, run / "model.safetensors")
    for group in (0, 1):
        changed, count = (sum(counts[stage][at] for stage in counts if (stage in EARLY) == (group == 0)) for at in (0, 1))
        print(f"{name:15} group {group}: {changed:9,} of {count:9,} numbers changed")
        rows.append((f"{name}: group {group}", [changed / count], colour))
book.draw("freeze", book.bars(
    "Which part of the body changes in an epoch",
    "Fraction of the numbers that changed: " + "; ".join(f"{name} {found[0]:.3f}" for name, found, _ in rows),
    "fraction of a layer group's numbers that differ after one epoch", rows))
