#!/usr/bin/env python3
"""Times an exported image model in ONNX Runtime on images of several sizes: what a large image costs is its preparation.

    bench/export_time.py MODEL.onnx [REPEATS]

Prints the median of each size in milliseconds. Needs onnxruntime and numpy.
"""

import statistics
import sys
import time

import numpy
import onnxruntime

SIZES = [(224, 224), (640, 480), (1920, 1080), (4000, 3000)]


def main(model, repeats='7'):
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    random = numpy.random.default_rng(1)
    for width, height in SIZES:
        image = random.integers(0, 256, size=(1, height, width, 3), dtype='uint8')
        session.run(None, {'image': image})
        times = []
        for _ in range(int(repeats)):
            begin = time.perf_counter()
            session.run(None, {'image': image})
            times.append(time.perf_counter() - begin)
        print(f'{width}x{height}: {statistics.median(times) * 1e3:.1f} ms')


if __name__ == '__main__':
    main(*sys.argv[1:])
