"""Make samples/fashion: a small, balanced pick of Fashion-MNIST as a folder of images.

    python make_fashion.py [SOURCE] [--out DIR]      (needs numpy and pillow)

SOURCE is the folder with Fashion-MNIST's four .gz files; the Debian package dataset-fashion-mnist puts them in
/usr/share/datasets/fashion-mnist. Training images come from the training file and validation images from the test
file. The pick is seeded, and each image's name is its position in the file it comes from.
"""
import argparse
import gzip
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]
PARTS = [("train", "train", 100), ("valid", "t10k", 30)]  # folder, name of the source file, images a class
SEED = 42


def read_idx(path):
    """The array in a gzipped IDX file of bytes."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"{path} is not an IDX file of bytes")
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("source", nargs="?", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    arguments.add_argument("--out", type=Path, default=Path(__file__).with_name("fashion"))
    arguments = arguments.parse_args()

    for folder, file, count in PARTS:
        images = read_idx(arguments.source / f"{file}-images-idx3-ubyte.gz")
        labels = read_idx(arguments.source / f"{file}-labels-idx1-ubyte.gz")
        for label, name in enumerate(CLASSES):
            # RandomState's stream is fixed for all time, so the pick is the same with any version of numpy.
            order = np.random.RandomState([SEED, label]).permutation(np.flatnonzero(labels == label))
            target = arguments.out / folder / name
            target.mkdir(parents=True, exist_ok=True)
            for index in sorted(order[:count]):
                Image.fromarray(images[index]).save(target / f"{index:05}.png", optimize=True)


if __name__ == "__main__":
    main()
