#!/usr/bin/env python3
"""Tells whether following `defrost advise` is as good as the default. The images that are left over judge each run.

    cargo build --release
    python3 bench/advise.py ../shared/data/clothing --images 20 100 --seeds 1 2 3

Compares three trainings on N images of a class: the default, the head alone, and `train --advise`. A fifth of the images validate;
1,000 of the others judge them. Prints a line a run.
"""

import argparse
import os
import tempfile
from pathlib import Path

from when_to_thaw import run, subset

RECIPES = {"default": [], "head only": ["--epochs", "0"], "advised": ["--advise"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--budget", help="how long is measured, as for `defrost advise`")
    given = parser.parse_args()
    budget = ["--budget", given.budget] if given.budget else []
    for images in given.images:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                subset(given.data, folder, images, seed)
                for recipe, words in RECIPES.items():
                    out = folder / recipe.replace(" ", "-")
                    words = words + budget if recipe == "advised" else words
                    os.environ["XDG_CACHE_HOME"] = str(folder / f"cache of {out.name}")  # each pays for its own passes
                    trained = run("train", str(folder / "train"), "--seed", str(seed), "--out", str(out), *words)
                    accuracy = run("evaluate", str(out), str(folder / "test"))["metrics"]["accuracy"]
                    advice = trained.get("advice")
                    told = f", {advice['plan']} in {advice['budget']['seconds_used']:.0f} s: {advice['advice'][0]}" if advice else ""
                    print(f"{images:4} images, seed {seed}, {recipe}: {accuracy:.3f}, {trained['seconds']:.0f} s{told}", flush=True)


main()
