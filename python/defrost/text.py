"""Learning from texts: ``from defrost.text import *``."""

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
    "text_learner",
]


def text_learner(
    data: Any,
    labels: Any = None,
    *,
    arch: str | None = None,
    weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    head: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    valid: Any = None,
    valid_pct: float | None = None,
    valid_column: str | None = None,
    group_column: str | None = None,
    group_regex: str | None = None,
    target: str | None = None,
    max_tokens: int = 256,
    seed: int = 42,
    batch: int | None = None,
    metrics: Sequence[str | Measure] | None = None,
    recipe: str = "auto",
    cbs: Iterable[Callback] | Callback | None = None,
    **options: Unpack[LearningOptions],
) -> Learner:
    """A learner of texts over a pretrained network. It starts frozen: only the new head trains.

    Args:
        data: A CSV file, a folder with a folder of ``.txt`` files for each class, a frame of pandas' or polars', or a list of texts; or,
            without ``labels``, anything indexable whose items are pairs of a text and its label.
        labels: The label of each text of a list: a class's name, a list of labels, or a float.
        arch: A word for ``weights``; texts name a network by its weights.
        weights: ``"hub"`` (all-MiniLM-L6-v2), ``"hub:OWNER/NAME"``, or a folder with model.safetensors, tokenizer.json and config.json.
        head: ``"linear"`` or ``"fastai"``.
        text_column: The column of the texts; by default the one that reads like texts.
        label_column: The column of the labels; by default the one with a usual name, or the only other one.
        label_separator: The character between several labels in a cell.
        valid: What validates: another file or folder, or places among the texts. By default a fifth.
        valid_pct: The fraction that validates, split off evenly over the classes.
        valid_column: The column that says which rows validate.
        group_column: Keeps rows with the same value in this column on one side of the split.
        group_regex: Keeps files with the same match in their paths on one side of the split.
        target: What a label is: ``"class"``, ``"labels"`` or ``"number"``.
        max_tokens: Cuts texts after this many tokens.
        seed: The seed of all random numbers: the same seed gives the same result.
        batch: Texts in a batch [32].
        metrics: Metrics to show: names or functions of probabilities and labels; by default all.
        recipe: What :meth:`Learner.train` does: ``"auto"`` or ``"fastai"``.
        cbs: Callbacks.
        options: :class:`~defrost.options.LearningOptions`.

    Returns:
        The learner.

    Raises:
        DataError: If the texts can't be read or learned from.
        WeightsError: If the network's weights can't be loaded.
        ArgumentError: If an argument makes no sense.

    Examples:
        >>> learn = text_learner(frame, text_column="review", label_column="stars", weights="hub")  # doctest: +SKIP
        >>> learn.train()                                                                         # doctest: +SKIP
    """
    given: Any
    name = "texts in memory"
    if isinstance(data, (str, os.PathLike)):
        given, name = convert.path(data), os.path.basename(os.path.abspath(data))
    elif convert.is_frame(data) or isinstance(data, Mapping):
        given = convert.frame(data)
    else:
        items, names = convert.pairs(data) if labels is None else (data, labels)
        given = convert.labelled([str(text) for text in convert.column(items)], convert.labels(convert.column(names)))
    kept: list[Any] = []
    shown, measures = split_metrics(metrics)
    chosen = {
        "arch": arch,
        "weights": weights,
        "head": head,
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
        "valid": valid,
        "valid_pct": valid_pct,
        "valid_column": valid_column,
        "group_column": group_column,
        "group_regex": group_regex,
        "target": target,
        "max_tokens": max_tokens,
        "seed": seed,
        "batch": batch,
        "metrics": measures,
    }
    events = Events()
    inner = _defrost.Learner.of_texts(given, complete("text_learner", chosen, options, kept), events)
    progress = options.get("progress", True)
    return Learner(inner, events, task="text", name=name, metrics=shown, cbs=cbs, recipe=recipe, progress=progress, kept=kept)
