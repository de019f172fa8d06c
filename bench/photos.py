"""Makes many photos of few, for timing `defrost check`: mirrored ones and crops, or copies that were saved again.

    photos.py FROM TO COUNT            photos that differ from each other
    photos.py FROM TO COUNT --copies   half of them copies: smaller, or of quality 60, in turns
"""

import pathlib
import random
import sys

from PIL import Image, ImageOps

source, target, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
copies = "--copies" in sys.argv
photos = sorted(source.rglob("*.jpg"))
random.seed(1)
for number in range(count):
    path = photos[(number // 2 if copies else number) % len(photos)]
    photo = Image.open(path).convert("RGB")
    quality = 90
    if copies and number % 2:
        if number % 4 == 1:
            photo = photo.resize((photo.width // 2, photo.height // 2))
        else:
            quality = 60
    elif not copies and number >= len(photos):
        turn = number // len(photos)
        left, top = (random.uniform(0.1, 0.3) * side for side in photo.size)
        photo = photo.crop((int(left), int(top), photo.width, photo.height)) if turn > 1 else ImageOps.mirror(photo)
    folder = target / path.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    photo.save(folder / f"{number:06}.jpg", quality=quality)
