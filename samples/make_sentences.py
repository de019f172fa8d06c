#!/usr/bin/env python3
"""Picks the sentences of sentences/: 110 of each of four pages of docs/, 60 to train on and 50 to test with.

The pages have changed since; running this again picks from what they are now.
"""

import csv
import random
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = ["architecture", "benchmarks", "data", "reliability"]
TRAIN, TEST = 60, 50


def sentences(page):
    """The sentences of 6 to 40 words of a page, each once, without code, headings and marks."""
    text = (HERE.parent / "docs" / f"{page}.md").read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(?<=[.:;])\s+|\n\n|\||\n-", re.sub(r"[*`]", "", text))
    parts = [" ".join(part.split()) for part in parts]
    return list(dict.fromkeys(part for part in parts if 6 <= len(part.split()) <= 40))


draw = random.Random(1)
picked = {page: draw.sample(sentences(page), TRAIN + TEST) for page in PAGES}
for name, first, last in [("train", 0, TRAIN), ("test", TRAIN, TRAIN + TEST)]:
    rows = [(text, page) for page, texts in picked.items() for text in texts[first:last]]
    draw.shuffle(rows)
    with (HERE / "sentences" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("text", "page"), *rows])
