"""Learning from table rows: ``from defrost.tabular import *``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from . import _defrost, convert
from .callback import Callback, CancelFitException, EarlyStoppingCallback, Events
from .interpret import ClassificationInterpretation, Interpretation
from .learner import Learner
from .model import Model, load_learner
from .options import LearningOptions, Measure, complete, split_metrics

__all__ = [
    "Callback",
    "CancelFitException",
    "ClassificationInterpretation",
    "EarlyStoppingCallback",
    "Interpretation",
    "Learner",
    "Model",
    "load_learner",
    "tabular_learner",
]


def tabular_learner(
    data: Any,
    label_column: str | None = None,
    *,
    column: Mapping[str, str] | None = None,
    ignore: Iterable[str] = (),
    target: str | None = None,
    label_separator: str | None = None,
    valid: Any = None,
    valid_pct: float | None = None,
    valid_column: str | None = None,
    group_column: str | None = None,
    seed: int = 42,
    batch: int | None = None,
    metrics: Sequence[str | Measure] | None = None,
    recipe: str = "auto",
    cbs: Iterable[Callback] | Callback | None = None,
    **options: Unpack[LearningOptions],
) -> Learner:
    """A learner of table rows over a new network, or over the body of an earlier run (``pretrained=``).

    Args:
        data: A file of rows (CSV, JSON lines, a workbook), a frame of pandas' or polars', or a dict of columns.
        label_column: The column to predict (fastai's ``y_names``).
        column: What columns hold, where that is not seen: ``{"zip": "category", "sold": "date"}``. The kinds are ``number``,
            ``decimal-comma``, ``decimal-point``, ``category``, ``date``, ``year-first``, ``day-first`` and ``month-first``.
        ignore: Columns that are not inputs.
        target: What the label is: ``"class"``, ``"labels"`` or ``"number"``; by default what it looks like.
        label_separator: The character between several labels in a cell.
        valid: What validates: another file, or places among the rows. By default a fifth.
        valid_pct: The fraction that validates, split off evenly over the classes.
        valid_column: The column that says which rows validate.
        group_column: Keeps rows with the same value in this column on one side of the split; it is then no input.
        seed: The seed of all random numbers: the same seed gives the same result.
        batch: Rows in a batch; by default 32 to 256, by how many there are.
        metrics: Metrics to show: names or functions of probabilities and labels; by default all.
        recipe: ``"auto"``, or ``"fastai"`` for fastai's network and ``fine_tune``.
        cbs: Callbacks.
        options: :class:`~defrost.options.LearningOptions`.

    Returns:
        The learner.

    Raises:
        DataError: If the rows can't be read or learned from.
        ArgumentError: If an argument makes no sense.

    Examples:
        >>> learn = tabular_learner(frame, "income", ignore=["id"])  # doctest: +SKIP
        >>> learn.train()                                            # doctest: +SKIP
        >>> learn.predict({"age": 44, "education": "HS-grad"})       # doctest: +SKIP
    """
    if isinstance(data, (str, os.PathLike)):
        given: Any = convert.path(data)
        name = os.path.basename(os.path.abspath(data))
    else:
        given, name = convert.frame(data), "rows in memory"
    kept: list[Any] = []
    shown, measures = split_metrics(metrics)
    chosen = {
        "label_column": label_column,
        "column": [(one, kind) for one, kind in (column or {}).items()],
        "ignore": [str(one) for one in ignore],
        "target": target,
        "label_separator": label_separator,
        "valid": valid,
        "valid_pct": valid_pct,
        "valid_column": valid_column,
        "group_column": group_column,
        "seed": seed,
        "batch": batch,
        "recipe": recipe,
        "metrics": measures,
    }
    events = Events()
    inner = _defrost.Learner.of_rows(given, complete("tabular_learner", chosen, options, kept), events)
    progress = options.get("progress", True)
    return Learner(inner, events, task="table", name=name, metrics=shown, cbs=cbs, recipe=recipe, progress=progress, kept=kept)
