#!/usr/bin/env python3
"""Measures whether unfreezing pays, for several numbers of training items of a class.

    cargo build --release
    python3 bench/when_to_thaw.py ../shared/data/clothing --items 5 20 100 --seeds 1 2 3
    python3 bench/when_to_thaw.py ../shared/data/reviews.csv --items 8 32 128 --label label --weights DIR

Each recipe trains on N items of a class, a fifth of which validate; 1,000 of the others test it. The data is a folder of
images with `train` and `validation`, or a CSV file. Prints a line per run.
"""

import argparse
import csv
import json
import random
import subprocess
import tempfile
from pathlib import Path

RECIPES = {
    "default": [],
    "head only": ["--epochs", "0"],
    "1 frozen, 4 thawed": ["--freeze-epochs", "1", "--epochs", "4"],
    "thawed from the start": ["--freeze-to", "0", "--epochs", "4", "--lr", "3e-4..1e-3"],
}
JUDGES = 1000


def subset_rows(source, into, items, seed, label):
    """Writes N rows of each class to `into/train.csv`, and others to `into/test.csv`, as many of each class."""
    with source.open(newline="") as file:
        reader = csv.DictReader(file)
        rows, names = list(reader), reader.fieldnames
    random.Random(seed).shuffle(rows)
    of_class = {}
    for row in rows:
        of_class.setdefault(row[label], []).append(row)
    train = [row for rows in of_class.values() for row in rows[:items]]
    # As many of each class: always giving the commonest one must not look good.
    most = JUDGES // len(of_class)
    test = [row for rows in of_class.values() for row in rows[items : items + most]]
    for part, chosen in (("train", train), ("test", test)):
        with (into / f"{part}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(chosen)


def subset(source, into, images, seed):
    """Links N images of each class into `into/train`, and others into `into/test`."""
    draw, rest = random.Random(seed), []
    validation = next(source / name for name in ("validation", "valid") if (source / name).is_dir())
    for folder in sorted(path for path in (source / "train").iterdir() if path.is_dir()):
        files = sorted(folder.iterdir())
        draw.shuffle(files)
        for part in ("train", "test"):
            (into / part / folder.name).mkdir(parents=True)
        for file in files[:images]:
            (into / "train" / folder.name / file.name).symlink_to(file.resolve())
        rest += [(folder.name, file) for file in files[images:] + sorted((validation / folder.name).iterdir())]
    draw.shuffle(rest)
    for name, file in rest[:JUDGES]:
        (into / "test" / name / f"{file.parent.parent.name}-{file.name}").symlink_to(file.resolve())


def run(*words):
    done = subprocess.run(["target/release/defrost", *words, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--items", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--label", help="the label column of a CSV file")
    parser.add_argument("--weights", help="pretrained weights, as `defrost train --weights`")
    parser.add_argument("--arch", help="the architecture, as `defrost train --arch`")
    given = parser.parse_args()
    options = [word for name in ("weights", "arch") if getattr(given, name) for word in (f"--{name}", getattr(given, name))]
    ending = ".csv" if given.data.is_file() else ""
    for items in given.items:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                if given.data.is_file():
                    subset_rows(given.data, folder, items, seed, given.label)
                    options += ["--label-column", given.label] if "--label-column" not in options else []
                else:
                    subset(given.data, folder, items, seed)
                for recipe in given.recipes:
                    out = folder / recipe.replace(" ", "-").replace(",", "")
                    train, test = (str(folder / f"{part}{ending}") for part in ("train", "test"))
                    words = ["train", train, "--seed", str(seed), "--out", str(out), *RECIPES[recipe], *options]
                    trained = run(*words)
                    accuracy = run("evaluate", str(out), test)["metrics"]["accuracy"]
                    kept, seconds = trained["decision"]["kept"], trained["seconds"]
                    print(f"{items:4} items, seed {seed}, {recipe}: {accuracy:.3f}, {seconds:.0f} s, kept {kept}", flush=True)


if __name__ == "__main__":
    main()
