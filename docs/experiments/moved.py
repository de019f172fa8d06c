#!/usr/bin/env python3
"""Which tensors differ between two safetensors files, stage by stage.

    python3 docs/experiments/moved.py OLD NEW

A tensor `stem.weight` of one file is `body.stem.weight` in a run's. Numbers of 16 bits are widened first, which changes no value.
"""

import json
import struct
import sys
from collections import defaultdict
from pathlib import Path


def widened(kind, data):
    """The bytes of these numbers as 32-bit floats."""
    count = len(data) // 2
    if kind == "BF16":  # the upper half of a 32-bit float
        return b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2))
    if kind == "F16":
        return struct.pack(f"<{count}f", *struct.unpack(f"<{count}e", data))
    return data


def tensors(path):
    """Each tensor's bytes, by its name without `body.`."""
    data = Path(path).read_bytes()
    start = 8 + struct.unpack_from("<Q", data)[0]
    found = {}
    for name, about in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            found[name.removeprefix("body.")] = widened(about["dtype"], data[start + first : start + last])
    return found


def stage(name):
    """`blocks.4.1.bn1.weight` is in the stage `blocks.4`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "blocks" else {"conv_stem": "stem", "bn1": "stem", "bn2": "conv_head"}.get(parts[0], parts[0])


def moved(old, new):
    """Numbers that differ and all numbers, by stage, for the tensors that both files have."""
    old, new = tensors(old), tensors(new)
    counts = defaultdict(lambda: [0, 0])
    for name in old.keys() & new.keys():
        pairs = zip(struct.iter_unpack("4s", old[name]), struct.iter_unpack("4s", new[name]))
        counts[stage(name)][0] += sum(before != after for before, after in pairs)
        counts[stage(name)][1] += len(old[name]) // 4
    order = lambda name: (name != "stem", name == "conv_head", name)  # noqa: E731
    return {name: counts[name] for name in sorted(counts, key=order)}


def main():
    counts = moved(*sys.argv[1:3])
    for name, (changed, count) in counts.items():
        print(f"{name:10} {changed:9,} of {count:9,} numbers differ")
    print(f"{'all':10} {sum(changed for changed, _ in counts.values()):9,} of {sum(count for _, count in counts.values()):9,}")


if __name__ == "__main__":
    main()
