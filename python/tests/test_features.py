"""Frozen features, and scikit-learn over them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import defrost as df

OPTIONS = {"size": 32, "precision": "f32", "cache": "off"}


def test_features_are_rows_that_repeat(photos: Path) -> None:
    features = df.Features(**OPTIONS)
    files = sorted((photos / "train").glob("*/*"))[:5]
    found = features(files)
    assert found.shape == (5, 1280) and found.dtype == np.float32
    assert np.array_equal(found, features([str(file) for file in files]))
    from PIL import Image

    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    assert np.array_equal(found, features(pixels))
    assert df.Features(stage="blocks.2", **OPTIONS)(files).shape[1] < 1280
    assert features([]).shape[0] == 0
    with pytest.raises(df.DataError, match="1 of 2 images can't be read; the first: gone.jpg"):
        features([files[0], "gone.jpg"])
    with pytest.raises(df.ArgumentError, match="(?s)no stage `blocks.99`"):
        df.Features(stage="blocks.99", **OPTIONS)(files)


def test_features_are_the_commands(photos: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    out = tmp_path / "features.npy"
    words = ["features", "efficientnet_lite0", str(photos), str(out), "--size", "32", "--precision", "f32", "--cache", "off"]
    ran = subprocess.run([sys.executable, "-m", "defrost", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    files = [file for part in ("train", "valid") for file in sorted((photos / part).glob("*/*"))]
    assert np.array_equal(df.Features(**OPTIONS)(files), np.load(out))


sklearn = pytest.importorskip("sklearn")


def test_a_pipeline_searches_over_features(photos: Path) -> None:
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from defrost.sklearn import FeatureTransformer

    files = sorted(map(str, (photos / "train").glob("*/*")))
    labels = [Path(file).parent.name for file in files]
    model = make_pipeline(FeatureTransformer(size=32, cache="off"), LogisticRegression(max_iter=500))
    search = GridSearchCV(model, {"logisticregression__C": [0.01, 1.0]}, cv=2)
    search.fit(files, labels)
    assert search.best_score_ > 0.6
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert list(again.predict(files)) == list(search.predict(files))
    assert clone(model).get_params()["featuretransformer__size"] == 32


def test_the_classifier_takes_images_and_rows(photos: Path, people: dict[str, list]) -> None:
    from sklearn.base import clone

    from defrost.sklearn import DefrostClassifier

    files = sorted((photos / "train").glob("*/*"))
    labels = np.array([file.parent.name for file in files])
    images = clone(DefrostClassifier(size=32, epochs=0)).fit(files, labels)
    assert images.kind_ == "vision" and images.score(files, labels) > 0.6
    assert list(images.classes_) == ["bag", "sandal", "trouser"]
    assert np.array_equal(pickle.loads(pickle.dumps(images)).predict(files), images.predict(files))
    rows = np.array([people["age"], np.arange(200) % 7]).T
    table = DefrostClassifier(epochs=12).fit(rows, people["group"])
    assert table.kind_ == "table" and table.score(rows, people["group"]) > 0.8


def test_the_classifier_is_one_of_scikit_learns() -> None:
    from sklearn.utils.estimator_checks import check_estimator

    from defrost.sklearn import DefrostClassifier

    found = check_estimator(DefrostClassifier(epochs=20), on_fail=None, on_skip=None)
    failed = [(check["check_name"], check["exception"]) for check in found if check["status"] == "failed"]
    assert len(found) > 40 and not failed
