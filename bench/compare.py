#!/usr/bin/env python3
"""Whole training steps, defrost beside PyTorch, in one run.

Each round runs every way once, one process each, so that both meet the same machine: defrost, then PyTorch as
fastai runs it (NCHW, f32), with channels last, and with channels last under bf16 autocast. Printed are medians over
the rounds, the spread of the ratios taken round by round, and each process's peak memory.

    pip install torch torchvision timm        (the CPU builds)
    python3 bench/compare.py [--rounds 5] [--steps 7] [WORD ...]

WORDs select rows: resnet34, efficientnet_lite0, batch, keep, head, f32, ...
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time

BATCH, SIZE, CLASSES, THREADS = 16, 224, 10, 2

# Network, what the norms do, what trains, defrost's precision.
ROWS = [
    ("resnet34", "batch", "all", "bf16"),
    ("resnet50", "batch", "all", "bf16"),
    ("efficientnet_lite0", "batch", "all", "bf16"),
    ("resnet34", "keep", "all", "bf16"),
    ("resnet50", "keep", "all", "bf16"),
    ("efficientnet_lite0", "keep", "all", "bf16"),
    ("resnet34", "keep", "head", "bf16"),
    ("efficientnet_lite0", "keep", "head", "bf16"),
    ("vit_small_patch16_224", "keep", "all", "bf16"),
    ("vit_small_patch16_224", "keep", "head", "bf16"),
    ("resnet34", "batch", "all", "f32"),
    ("efficientnet_lite0", "batch", "all", "f32"),
]
# What timm calls a network by another name.
TIMM = {"efficientnet_lite0": "tf_efficientnet_lite0"}
PEERS = ["nchw-f32", "nhwc-f32", "nhwc-bf16"]


def peer(network, norm, train, way, steps):
    """One PyTorch process: prints the median milliseconds per image."""
    import timm
    import torch
    import torchvision

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    if network.startswith("resnet"):
        model = getattr(torchvision.models, network)(num_classes=CLASSES)
        head = model.fc
    else:
        model = timm.create_model(TIMM.get(network, network), num_classes=CLASSES)
        head = model.get_classifier()
    model.requires_grad_(train == "all")
    head.requires_grad_(True)
    model.train()
    if norm == "keep":
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
    layout = torch.channels_last if way.startswith("nhwc") else torch.contiguous_format
    model = model.to(memory_format=layout)
    images = torch.rand(BATCH, 3, SIZE, SIZE).to(memory_format=layout)
    targets = torch.arange(BATCH) % CLASSES
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.endswith("bf16")):
            loss = torch.nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimizer.step()

    times = []
    for _ in range(steps + 2):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3 / BATCH)
    print(statistics.median(times[2:]))


def run(command):
    """Its standard output, and its peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(THREADS)})
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return output, usage.ru_maxrss / 1024


def step_bench():
    """The built benchmark: building is no part of any timing or peak."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    build = ["cargo", "bench", "--workspace", "--bench", "step", "--no-run"]
    built = subprocess.run(build, cwd=root, stderr=subprocess.PIPE, text=True, check=True).stderr
    path = built.rsplit("Executable", 1)[1].split("(", 1)[1].split(")", 1)[0]
    return os.path.join(root, path) if not os.path.isabs(path) else path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(*arguments.peer, arguments.steps)

    # Not imported here: a process counts the memory of the one that starts it as its own.
    torch, torchvision, timm = (importlib.metadata.version(name) for name in ("torch", "torchvision", "timm"))
    rows = [row for row in ROWS if set(arguments.words) <= set(row)]
    bench, steps = step_bench(), str(arguments.steps)
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    print(f"{processor or platform.processor()}, {THREADS} threads; torch {torch}, "
          f"torchvision {torchvision}, timm {timm}")
    print(f"batch {BATCH}, {SIZE} px; ms per image, median of {arguments.rounds} rounds of {steps} steps; ratios median "
          "(least to most)")
    for row in rows:
        times, peaks = {}, {}
        for _ in range(arguments.rounds):
            network, norm, train, precision = row
            output, peak = run([bench, network, precision, norm, train, steps])
            times.setdefault("defrost", []).append(float(output.split()[-1]))
            peaks["defrost"] = max(peaks.get("defrost", 0), peak)
            for way in PEERS:
                output, peak = run([sys.executable, __file__, "--steps", steps, "--peer", network, norm, train, way])
                times.setdefault(way, []).append(float(output))
                peaks[way] = max(peaks.get(way, 0), peak)
        print(" ".join(row), flush=True)
        for way, measured in times.items():
            ratios = sorted(theirs / ours for theirs, ours in zip(measured, times["defrost"]))
            print(f"    {way:<10} {statistics.median(measured):8.2f} ms   ×{statistics.median(ratios):.2f} "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f})   {peaks[way]:6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
