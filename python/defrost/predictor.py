"""Predictions, and what predicts: a learner, or a saved model."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from . import convert
from .display import table
from .errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["ITEMS", "Prediction", "Predictions", "Predictor"]

#: What items of each task are called, in the plural.
ITEMS = {"vision": "images", "text": "texts", "table": "rows"}


@dataclass(frozen=True)
class Prediction:
    """What a network says of one item. It unpacks as fastai's does, ``label, index, probabilities = learn.predict(item)``, and
    ``learn.predict(item)[0]`` is the label.

    Attributes:
        label: The class, the list of labels, or the number.
        index: The class's place in ``classes``; ``None`` for labels and numbers.
        probabilities: One for each class or label; the number alone where there are no classes.
        classes: The names of classes or labels.
        familiarity: How familiar the item is, 0 to 1: the fraction of held-out items that are at least as far from the training items.
            ``None`` where that is not known.
        notes: What a person should know, such as that the item is unlike anything the network was taught.
    """

    label: str | list[str] | float
    index: int | None
    probabilities: np.ndarray = field(repr=False)
    classes: list[str] = field(repr=False)
    familiarity: float | None = None
    notes: list[str] = field(default_factory=list)
    text: str = field(default="", repr=False)

    @property
    def probability(self) -> float | None:
        """The probability of the class; ``None`` for labels and numbers."""
        return None if self.index is None else float(self.probabilities[self.index])

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The most probable classes or labels with their probabilities."""
        ranked = sorted(zip(self.classes, self.probabilities.tolist()), key=lambda pair: -pair[1])
        return ranked[:count]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.label, self.index, self.probabilities))

    def __getitem__(self, place: int) -> Any:
        return (self.label, self.index, self.probabilities)[place]

    def __len__(self) -> int:
        return 3

    def __str__(self) -> str:
        return "\n".join([self.text, *self.notes])

    def _repr_html_(self) -> str:
        bars = "".join(
            f'<tr><td>{html.escape(name)}</td><td><meter value="{value:.4f}" max="1"></meter></td><td>{value:.1%}</td></tr>'
            for name, value in self.top()
        )
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        return f"<b>{html.escape(self.text)}</b><table>{bars}</table>{notes}"


class Predictions(NamedTuple):
    """Predictions of many items (fastai's ``get_preds``).

    Attributes:
        probabilities: ``[items, classes]``, or ``[items, 1]`` of numbers.
        targets: The label of each item: places in ``classes``, lists of them, or numbers; ``None`` where there are no labels.
        decoded: The predicted class, labels or number of each item, with ``with_decoded=True``.
    """

    probabilities: np.ndarray
    targets: Any
    decoded: list[Any] | None = None

    def to_frame(self, classes: list[str]) -> pd.DataFrame:
        """The probabilities as a frame of pandas', a column for each class."""
        import pandas as pd

        return pd.DataFrame(self.probabilities, columns=classes or ["prediction"])


class Predictor:
    """What learners and saved models have in common."""

    _inner: Any
    #: The kind of items: ``vision``, ``text`` or ``table``.
    task: str

    @property
    def classes(self) -> list[str]:
        """The names of classes or labels, in the order of probabilities; empty where a number is predicted."""
        return list(self._inner.classes())

    def _inputs(self, items: Any) -> Any:
        if self.task == "table":
            return convert.rows(items)
        if self.task == "text":
            given = convert.column(items)
            if not all(isinstance(one, str) for one in given):
                raise ArgumentError("the network reads texts: give strings")
            return given
        return convert.images(items)

    def _answers(self, items: Any) -> list[Prediction]:
        inputs = self._inputs(items)
        if not inputs:
            return []
        scores, words = self._inner.predict(inputs)
        classes = self.classes
        made = []
        for row, word in zip(convert.array(scores), words):
            # Labels have words of their own; of one class the place is known.
            label: Any = word["number"] if not classes else word["class"] if self._is_class else word["labels"]
            index = classes.index(label) if classes and self._is_class else None
            made.append(Prediction(label, index, row, classes, word["familiarity"], list(word["notes"]), word["text"]))
        return made

    @property
    def _is_class(self) -> bool:
        return bool(self._inner.predicts() == "class")

    def predict(self, item: Any) -> Prediction:
        """What the network says of one item.

        Args:
            item: An image (a path, a PIL image, an array ``[height, width, 3]`` of uint8), a text, or a row (a dict of columns, a series).

        Returns:
            The prediction, which unpacks as ``label, index, probabilities``.

        Raises:
            DataError: If the item can't be read.

        Examples:
            >>> label, index, probabilities = learn.predict("new.jpg")  # doctest: +SKIP
        """
        return self._answers([item])[0]

    def predict_all(self, items: Iterable[Any]) -> list[Prediction]:
        """What the network says of each of these items; many at once are faster than one after the other."""
        return self._answers(items)

    def _get_preds(self, items: Any, with_decoded: bool) -> Predictions:
        import numpy as np

        found = self._answers(items)
        rows = [one.probabilities for one in found]
        probabilities = np.stack(rows) if rows else np.zeros((0, max(1, len(self.classes))), dtype=np.float32)
        return Predictions(probabilities, None, [one.label for one in found] if with_decoded else None)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The network's tensors by name, as arrays of 32-bit numbers. The body's names are torchvision's or timm's behind ``body.``."""
        return {name: convert.array(found) for name, found in self._inner.state()}


def targets(measured: dict[str, Any]) -> Any:
    """The labels of measured items, as an array where each is one number."""
    import numpy as np

    for key in ("classes", "numbers"):
        if measured[key] is not None:
            return np.asarray(measured[key])
    return measured["labels"]


def metrics_text(values: dict[str, float]) -> str:
    """Metrics in a line for each."""
    return table(["metric", "value"], [[name, f"{value:.4f}"] for name, value in values.items()])
