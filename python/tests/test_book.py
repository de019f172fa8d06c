"""The Python lines of README and docs/python.md run, on a few images and at a small size."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import SMALL

import defrost as df

ROOT = Path(__file__).parents[2]
QUICK = ", ".join(f"{name}={value!r}" for name, value in SMALL.items())


def blocks(page: str) -> list[str]:
    """The Python blocks of a page, with learners that train in seconds."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    small = [re.sub(r'vision_learner\("photos"(, arch="resnet34")?', f'vision_learner("photos", {QUICK}', code) for code in found]
    return [code.replace("learn.train()", 'learn.train(1, out="runs/photos")') for code in small]


@pytest.fixture
def folder(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the lines run: photos, and a few images under the names that the pages use."""
    shutil.copytree(photos, tmp_path / "photos")
    files = sorted((photos / "valid").glob("*/*"))
    for name, file in zip(["new.jpg", "a.jpg", "b.jpg"], files):
        shutil.copy(file, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_a_learner_s_lines(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks(page)[0]
    assert QUICK in code
    exec(code, {})
    capsys.readouterr()
    assert (folder / ("runs/photos" if page == "README.md" else "photos.defrost")).exists()


def test_features_and_scikit_learn(folder: Path, photos: Path) -> None:
    features, pipelines = blocks("docs/python.md")[1:]
    names: dict[str, object] = {"df": df}
    exec(features, names)
    assert names["features"](["a.jpg", "b.jpg"]).shape == (2, 1280)  # type: ignore[operator]
    pytest.importorskip("sklearn")
    paths = [str(path) for path in sorted((photos / "train").glob("*/*"))[::3]]
    exec(pipelines, {"paths": paths, "labels": [Path(path).parent.name for path in paths]})
