"""The validation items in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .display import Figure, confusion_html, confusion_text, examples_html, examples_text, show_or_return, table
from .errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np

    from .learner import Learner

__all__ = ["ClassificationInterpretation", "Interpretation"]


class Interpretation:
    """The predictions for the validation items, and the errors (fastai's ``ClassificationInterpretation``).

    Attributes:
        report: All of it as a dict, as the report of a run has it.
    """

    def __init__(self, report: dict[str, Any] | None, classes: list[str]) -> None:
        if report is None:
            raise ArgumentError("there are no validation items")
        self.report, self._classes = report, classes

    @classmethod
    def from_learner(cls, learn: Learner) -> Interpretation:
        """Measures a learner's validation items."""
        return learn.interpret()

    def confusion_matrix(self) -> np.ndarray:
        """How many items of each class (rows) were predicted as each class (columns)."""
        import numpy as np

        return np.asarray(self._confusion())

    def _confusion(self) -> list[list[int]]:
        found: list[list[int]] | None = self.report["confusion"]
        if found is None:
            raise ArgumentError("there is no confusion matrix: items have labels or numbers, or there are more than 40 classes")
        return found

    def plot_confusion_matrix(self, normalize: bool = False, *, show: bool = True) -> Figure | None:
        """Shows the confusion matrix; ``normalize`` divides each row by its items, ``show=False`` returns the figure."""
        confusion = self._confusion()
        drawn = confusion_html(confusion, self._classes, normalize), confusion_text(confusion, self._classes, normalize)
        return show_or_return(Figure(*drawn), show)

    def most_confused(self, min_val: int = 1) -> list[tuple[str, str, int]]:
        """Pairs of classes that were confused, most often first: actual, predicted, how many items."""
        name = self._classes
        return [(name[actual], name[found], count) for actual, found, count in self.report["confused"] if count >= min_val]

    def top_losses(self, k: int = 9) -> list[dict[str, Any]]:
        """The items with the highest losses, at most 12: ``name``, ``actual``, ``predicted``, ``sure``, ``loss``."""
        found: list[dict[str, Any]] = self.report["worst"][:k]
        return found

    def plot_top_losses(self, k: int = 9, *, show: bool = True) -> Figure | None:
        """Shows the items with the highest losses. In images, orange areas support the prediction."""
        found = self.top_losses(k)
        return show_or_return(Figure(examples_html(found, self._classes), examples_text(found)), show)

    def print_classification_report(self) -> None:
        """Prints precision, recall and F1 of each class."""
        rows = [
            [name, *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")), str(one["items"])]
            for name, one in zip(self._classes, self.report["by_class"])
        ]
        print(table(["class", "precision", "recall", "f1", "items"], rows))


#: fastai's name for the same.
ClassificationInterpretation = Interpretation
