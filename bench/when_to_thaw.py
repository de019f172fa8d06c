#!/usr/bin/env python3
"""Tells whether thawing pays, for several numbers of training images. The images that are left over judge each run.

    cargo build --release
    python3 bench/when_to_thaw.py ../shared/data/clothing --images 5 20 100 --seeds 1 2 3

Each recipe trains on N images of a class, a fifth of which validate; 1,000 of the others judge it. Prints a line a run.
"""

import argparse
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
    parser.add_argument("--images", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    given = parser.parse_args()
    for images in given.images:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                subset(given.data, folder, images, seed)
                for recipe in given.recipes:
                    out = folder / recipe.replace(" ", "-").replace(",", "")
                    trained = run("train", str(folder / "train"), "--seed", str(seed), "--out", str(out), *RECIPES[recipe])
                    accuracy = run("evaluate", str(out), str(folder / "test"))["metrics"]["accuracy"]
                    kept, seconds = trained["decision"]["kept"], trained["seconds"]
                    print(f"{images:4} images, seed {seed}, {recipe}: {accuracy:.3f}, {seconds:.0f} s, kept {kept}", flush=True)


if __name__ == "__main__":
    main()
