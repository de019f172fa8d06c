"""For scikit-learn: frozen features as a transformer, and a classifier of images, texts or table rows."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import convert
from .features import Features
from .tabular import tabular_learner
from .text import text_learner
from .vision import vision_learner

__all__ = ["DefrostClassifier", "FeatureTransformer"]


class FeatureTransformer(TransformerMixin, BaseEstimator):
    """Images to the features of a pretrained network: the first step of a pipeline.

    Args:
        arch: The network.
        stage: The stage whose pooled output is given; by default the whole body's.
        size: Side of the images in pixels.
        weights: Where the weights come from.
        cache: ``"auto"`` or ``"off"``.

    Examples:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> model = make_pipeline(FeatureTransformer("efficientnet_lite0"), LogisticRegression(max_iter=1000))
        >>> model.fit(paths, labels)  # doctest: +SKIP
    """

    def __init__(
        self,
        arch: str = "efficientnet_lite0",
        *,
        stage: str | None = None,
        size: int | None = None,
        weights: Any = None,
        cache: str = "auto",
    ) -> None:
        self.arch = arch
        self.stage = stage
        self.size = size
        self.weights = weights
        self.cache = cache

    def fit(self, X: Any, y: Any = None) -> FeatureTransformer:
        """Opens the network; nothing is learned."""
        self.features_ = Features(self.arch, stage=self.stage, size=self.size, weights=self.weights, cache=self.cache)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The features of images: paths, PIL images, arrays ``[n, height, width, 3]`` of uint8."""
        if not hasattr(self, "features_"):
            self.fit(X)
        return self.features_(X)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "features_"}

    def __sklearn_is_fitted__(self) -> bool:
        return True


class DefrostClassifier(ClassifierMixin, BaseEstimator):
    """A fine-tuned network as a classifier.

    What ``X`` holds decides the kind: rows of numbers (a 2D array or a frame) are a table, strings are the paths of images where such
    files exist and texts where not, PIL images and 4D arrays are images.

    Args:
        arch: The network of images.
        weights: Where its weights come from; of texts, the network itself.
        epochs: Passes with everything thawed; by default the network's own number.
        recipe: ``"auto"`` or ``"fastai"``.
        size: Side of the images in pixels.
        batch: Items in a batch.
        valid_pct: The fraction that is held back to choose the best epoch.
        seed: The seed of all random numbers.

    Attributes:
        classes_: The classes, sorted.
        learner_: The learner, or the saved model where the classifier was unpickled.
    """

    def __init__(
        self,
        arch: str | None = None,
        *,
        weights: Any = None,
        epochs: int | None = None,
        recipe: str = "auto",
        size: int | None = None,
        batch: int | None = None,
        valid_pct: float = 0.2,
        seed: int = 42,
    ) -> None:
        self.arch = arch
        self.weights = weights
        self.epochs = epochs
        self.recipe = recipe
        self.size = size
        self.batch = batch
        self.valid_pct = valid_pct
        self.seed = seed

    def fit(self, X: Any, y: Any) -> DefrostClassifier:
        """Fine-tunes a network on these items and their classes.

        Raises:
            ValueError: If there are fewer than two classes, or items can't be used.
        """
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        self.kind_ = _kind(X)
        if self.kind_ == "table":
            X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}")
        # Places keep the order of the classes, whatever they are.
        names = [f"{place:06}" for place in np.searchsorted(self.classes_, y)]
        shared: dict[str, Any] = {"valid_pct": self.valid_pct, "seed": self.seed, "batch": self.batch, "progress": False}
        if self.kind_ == "vision":
            learner = vision_learner(X, names, arch=self.arch, weights=self.weights, size=self.size, recipe=self.recipe, **shared)
        elif self.kind_ == "text":
            learner = text_learner(X, names, weights=self.weights, recipe=self.recipe, **shared)
        else:
            columns = {**_columns(X), "class": names}
            kinds = {name: "number" for name in columns if name != "class"}
            learner = tabular_learner(columns, "class", column=kinds, target="class", recipe=self.recipe, **shared)
        learner.train(self.epochs)
        self.learner_ = learner
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class of ``classes_`` for each item."""
        check_is_fitted(self)
        if self.kind_ == "table":
            X = validate_data(self, X, dtype=np.float64, reset=False)
            X = [dict(zip(_names(X.shape[1]), row)) for row in X.tolist()]
        found = np.zeros((len(X), len(self.classes_)))
        # A class of which too few items were left to train has no output.
        places = [int(name) for name in self.learner_.classes]
        found[:, places] = self.learner_.get_preds(test=X).probabilities
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class of each item."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _kind(X: Any) -> str:
    """The kind of these items."""
    if hasattr(X, "ndim") and X.ndim == 4:
        return "vision"
    if isinstance(X, (str, bytes)) or not hasattr(X, "__len__") or not len(X):
        return "table"
    if hasattr(X, "columns") or getattr(X, "ndim", 1) == 2:
        return "table"
    first = convert.column(X)[0]
    if isinstance(first, os.PathLike) or hasattr(first, "getbands") or getattr(first, "ndim", 0) == 3:
        return "vision"
    if isinstance(first, str):
        return "vision" if os.path.isfile(first) else "text"
    return "table"


def _names(count: int) -> list[str]:
    return [f"x{place}" for place in range(count)]


def _columns(X: np.ndarray) -> dict[str, Any]:
    return {name: X[:, place] for place, name in enumerate(_names(X.shape[1]))}
