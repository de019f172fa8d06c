"""Make samples/clothing: a small pick of photos of clothes, for the playground in the browser.

    python make_clothing.py SOURCE [--out DIR]      (needs pillow)

SOURCE is the folder of the data set clothing-dataset-small (CC0), with train/CLASS/*.jpg. The pick is the first photos by name, so the
same ones come out every time. Each is scaled so that its shorter side has 160 pixels.
"""
import argparse
import shutil
from pathlib import Path

from PIL import Image, ImageOps

CLASSES = ["dress", "shorts", "skirt"]
COUNT = 20
SIDE = 160


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "clothing")
    arguments = parser.parse_args()
    for name in CLASSES:
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        photos = sorted((arguments.source / "train" / name).glob("*.jpg"))[:COUNT]
        for number, photo in enumerate(photos, 1):
            image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
            scale = SIDE / min(image.size)
            image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
            image.save(folder / f"{number:02}.jpg", quality=70, optimize=True)
    shutil.copy(arguments.source / "LICENSE", arguments.out / "LICENSE")


if __name__ == "__main__":
    main()
