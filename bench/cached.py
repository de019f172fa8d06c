#!/usr/bin/env python3
"""What freezing saves, measured with the built command: frozen epochs one after the other, and epochs by position.

    cargo build --release
    python3 bench/cached.py epochs DATA [--augment none] [--variants 2] [--epochs 20]
    python3 bench/cached.py positions DATA [--svg docs/positions.svg]

Every run starts with an empty cache folder of its own. Times are those of one run: compare them with each other.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# EfficientNet-Lite0 in groups of which each can be the end of the frozen prefix.
GROUPS = "stem,blocks.0|blocks.1|blocks.2|blocks.3|blocks.4|blocks.5|blocks.6,conv_head|head"


def train(arguments, words):
    """The run's JSON."""
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.defrost, "train", arguments.data, "--json", "--out", os.path.join(folder, "run"), *words]
        environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, "cache")}
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit(f"{' '.join(command)} failed")
        return json.loads(result.stdout)


def epochs(arguments):
    words = ["--freeze-epochs", str(arguments.epochs), "--epochs", "0", "--augment", arguments.augment]
    run = train(arguments, [*words, "--variants", str(arguments.variants)])
    seconds = [epoch["seconds"] for epoch in run["epochs"]]
    variants = 1 if arguments.augment == "none" else arguments.variants
    first, steady = sorted(seconds[:variants])[variants // 2], sorted(seconds[variants:])[len(seconds[variants:]) // 2]
    print("seconds by epoch:", " ".join(f"{second:.2f}" for second in seconds))
    print(f"computed {first:.2f} s, kept {steady:.2f} s (medians): x{first / steady:.0f}")
    print(f"all {len(seconds)} epochs {sum(seconds):.1f} s = {sum(seconds) / first:.1f} computed ones; "
          f"peak {run['peak_rss_bytes'] / 1e6:.0f} MB")
    for quote in run["quote"]:
        print(f"estimated {quote['seconds']:.1f} s, without keeping {quote['seconds_without_cache']:.1f} s, "
              f"took {quote['actual_seconds']:.1f} s")


def positions(arguments):
    rows = []
    for position in range(arguments.positions):
        words = ["--freeze-to", str(position), "--epochs", "2", "--augment", "none", "--groups", arguments.groups]
        seconds = [epoch["seconds"] for epoch in train(arguments, words)["epochs"]]
        rows.append((position, seconds[0], seconds[-1]))
        print(f"| {position} | {seconds[0]:.1f} | {seconds[-1]:.1f} |", flush=True)
    if arguments.svg:
        with open(arguments.svg, "w") as file:
            file.write(plot(rows))


def plot(rows):
    """Bars: a kept epoch's seconds by position."""
    highest = max(kept for _, _, kept in rows)
    width, height, step = 640, 260, 560 / len(rows)
    bars = []
    for index, (position, _, kept) in enumerate(rows):
        tall = 180 * kept / highest
        x = 60 + index * step
        bars.append(f'<rect x="{x:.0f}" y="{210 - tall:.1f}" width="{step * 0.7:.0f}" height="{tall:.1f}" fill="#3a7ca5"/>')
        bars.append(f'<text x="{x + step * 0.35:.0f}" y="{204 - tall:.1f}" text-anchor="middle">{kept:.1f}</text>')
        bars.append(f'<text x="{x + step * 0.35:.0f}" y="228" text-anchor="middle">{position}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="12">\n<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(bars) +
            f'\n<text x="{width / 2:.0f}" y="250" text-anchor="middle">layer groups frozen</text>\n'
            '<text x="60" y="16">seconds of an epoch whose frozen part is kept</text>\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["epochs", "positions"])
    parser.add_argument("data")
    parser.add_argument("--defrost", default=os.path.join(ROOT, "target/release/defrost"))
    parser.add_argument("--augment", default="none")
    parser.add_argument("--variants", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--groups", default=GROUPS)
    parser.add_argument("--svg")
    arguments = parser.parse_args()
    arguments.positions = arguments.groups.count("|") + 1
    {"epochs": epochs, "positions": positions}[arguments.what](arguments)


if __name__ == "__main__":
    main()
