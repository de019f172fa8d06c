"""Data for the tests: a few of the repository's sample images, and made-up texts and rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

SAMPLES = Path(__file__).parents[2] / "samples" / "fashion"
#: What makes training take seconds, and its bytes the same on all processors of a kind.
SMALL = {"size": 32, "precision": "f32", "batch": 8, "cache": "off", "progress": False}


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three classes, with ten images each to train on and four to validate on."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    for part, count in [("train", 10), ("valid", 4)]:
        for name in ["bag", "sandal", "trouser"]:
            (folder / part / name).mkdir(parents=True)
            for file in sorted((SAMPLES / part / name).iterdir())[:count]:
                shutil.copy(file, folder / part / name)
    return folder


@pytest.fixture(scope="session")
def pixels(photos: Path) -> tuple[np.ndarray, list[str]]:
    """The training images as an array ``[n, height, width, 3]``, and their classes."""
    from PIL import Image

    files = sorted((photos / "train").glob("*/*"))
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files]), [file.parent.name for file in files]


@pytest.fixture(scope="session")
def people() -> dict[str, list]:
    """Rows of which one column follows from another."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, 200)
    town = rng.choice(["Ulm", "Bonn", "Jena"], 200)
    return {"age": age.tolist(), "town": town.tolist(), "group": ["old" if one > 45 else "young" for one in age]}
