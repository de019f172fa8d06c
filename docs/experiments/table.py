#!/usr/bin/env python3
"""What freezing does to a table's network: half a minute.

    python3 docs/experiments/table.py [--seeds 1 2 3] [--rows 160]

150 penguins judge; up to 160 of the others, a fifth of which validate, train.
"""

import csv
import random
import tempfile
from pathlib import Path

import book

PENGUINS = book.SAMPLES / "penguins" / "penguins.csv"
TEST = 150

given = book.parser(__doc__)
given.add_argument("--rows", type=int, default=160)
given = given.parse_args()
with PENGUINS.open(newline="") as file:
    header, *rows = csv.reader(file)
rows = [row for row in rows if "" not in row]


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


results = {}
for seed in given.seeds:
    with tempfile.TemporaryDirectory() as folder:
        folder, drawn = Path(folder), rows[:]
        random.Random(seed).shuffle(drawn)
        test, train = write(folder / "test.csv", drawn[:TEST]), write(folder / "train.csv", drawn[TEST : TEST + given.rows])
        species = folder / "species"
        book.defrost("train", train, "--label-column", "species", "--ignore", "sex", "--seed", seed, "--out", species)
        plans = {
            "new, everything trains": [],
            "new, body frozen": ["--freeze-to", -1],
            "body of a species run, frozen": ["--pretrained", species, "--epochs", 0],
            "the same, thawed": ["--pretrained", species, "--freeze-to", 0],
        }
        for number, (name, words) in enumerate(plans.items()):
            run = folder / f"run{number}"
            book.defrost("train", train, "--label-column", "sex", "--ignore", "species", "--seed", seed, "--out", run, *words)
            results.setdefault(name, []).append(book.accuracy(run, test))
for name, found in results.items():
    print(f"{name:30} {book.spread(found)}")
book.draw("table", book.bars(
    "Sex of a penguin, from its measurements",
    f"Accuracy on {TEST} penguins that no run has seen: " + "; ".join(f"{name} {book.spread(found)}" for name, found in results.items()),
    f"accuracy on {TEST} other penguins: bars are means, dots are seeds",
    [(name, found, int("frozen" in name)) for name, found in results.items()]))
