"""Measures whether familiarity tells images of other things from new images of the classes that were taught.

    familiarity.py DATA FOREIGN SEEDS [--without CLASS,…] [train's options]

DATA is a folder with `train` and `validation`, or one that is split. FOREIGN is a folder of images below which everything is
foreign. With `--without` these classes are left out of training, and their validation images are foreign too. Prints for each
seed the area under the ROC curve of familiarity, and of the highest probability, and how many images are said to be unlike
anything that was taught. `DEFROST` names the command; `target/release/defrost` unless it does.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMMAND = os.environ.get("DEFROST", "target/release/defrost")
ENDINGS = {".jpg", ".jpeg", ".png"}


def run(*words):
    done = subprocess.run([COMMAND, *map(str, words), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def images(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def asked(model, paths):
    """Familiarity, highest probability and notes of each image."""
    found = []
    for start in range(0, len(paths), 500):
        found += run("predict", model, *paths[start : start + 500])
    return [(item["familiarity"], item["top"][0]["probability"], item["notes"]) for item in found if "top" in item]


def area(low, high):
    """How often one of `high` is higher than one of `low`, equals counting half."""
    pairs = sum((h > l) + (h == l) / 2 for h in high for l in low)
    return pairs / (len(low) * len(high))


def main():
    data, foreign, seeds = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3].split(",")
    options = sys.argv[4:]
    left_out = options.pop(1).split(",") if options[:1] == ["--without"] and options.pop(0) else []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for part in ["train", "validation"]:
            for folder in sorted((data / part).iterdir()):
                if folder.is_dir():
                    kept = "left out" if folder.name in left_out else "data"
                    shutil.copytree(folder, scratch / kept / part / folder.name)
        usual = images(scratch / "data" / "validation")
        others = {"other data": images(foreign)}
        if left_out:
            others["classes left out"] = images(scratch / "left out" / "validation")
        for seed in seeds:
            trained = run("train", scratch / "data", "--seed", seed, "--out", scratch / f"run-{seed}", *options)
            known = asked(scratch / f"run-{seed}", usual)
            flagged = sum(bool(notes) for _, _, notes in known)
            print(f"seed {seed}: accuracy {trained['best']['metrics']['accuracy']:.3f}, {flagged} of {len(known)} flagged")
            for name, paths in others.items():
                unknown = asked(scratch / f"run-{seed}", paths)
                far = area([u[0] for u in unknown], [k[0] for k in known])
                sure = area([u[1] for u in unknown], [k[1] for k in known])
                flagged = sum(bool(notes) for _, _, notes in unknown)
                print(f"  {name}: familiarity {far:.3f}, probability {sure:.3f}, {flagged} of {len(unknown)} flagged")


main()
