#!/usr/bin/env python3
"""Times exported image models in ONNX Runtime on one thread, side by side, on images of several sizes: what a large image costs is
its preparation.

    bench/export_time.py MODEL.onnx... [--repeats N]

Prints the median of each model and size in milliseconds. Needs onnxruntime and numpy.
"""

import argparse
import statistics
import time

import numpy
import onnxruntime

SIZES = [(224, 224), (640, 480), (1920, 1080), (4000, 3000)]


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('models', nargs='+')
    parser.add_argument('--repeats', type=int, default=15)
    arguments = parser.parse_args()
    sessions = [session(model) for model in arguments.models]
    random = numpy.random.default_rng(1)
    for width, height in SIZES:
        image = random.integers(0, 256, size=(1, height, width, 3), dtype='uint8')
        times = [[] for _ in sessions]
        for _ in range(arguments.repeats + 1):
            for model, took in zip(sessions, times):
                begin = time.perf_counter()
                model.run(None, {'image': image})
                took.append(time.perf_counter() - begin)
        medians = [f'{statistics.median(took[1:]) * 1e3:.1f}' for took in times]
        print(f'{width}x{height}: {" / ".join(medians)} ms')


if __name__ == '__main__':
    main()
