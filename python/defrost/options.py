"""The options that learners of all kinds of data share. They have the names and meanings of the command's."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from . import convert

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LearningOptions"]


class LearningOptions(TypedDict, total=False):
    """Further options of ``vision_learner``, ``text_learner`` and ``tabular_learner``; all have the command's defaults.

    Keys:
        pretrained: A finished run, or its folder: the learner starts from its body, with a new head.
        continued: A finished run whose whole network goes on, on more data of its classes and new ones (the command's ``--continue``).
        precision: Number format between layers: ``"auto"`` (bf16 where the processor multiplies it), ``"f32"`` or ``"bf16"``.
        offline: Uses cached downloads only.
        norm: Batch norms: ``"keep"`` statistics, follow the ``"batch"`` where unfrozen, or ``"adapt"`` everywhere, as fastai does.
        groups: Custom layer groups, by stage name: ``"stem,layer1|layer2|head"``.
        weight_decay: How much weights shrink in a step, relative to the learning rate [0.01].
        label_smoothing: The fraction of each label that is spread over all classes.
        balance: What to do about rare classes: ``"none"``, ``"weights"`` in the loss, or ``"sample"`` them more often.
        accumulate: Adds up the gradients of this many batches before each step [1].
        clip: Scales gradients down together to this norm.
        average: Decay of a running average of the weights, such as 0.99.
        variants: Augmented variants of each item that frozen epochs take turns with [2].
        monitor: The metric that chooses the best epoch.
        cache: ``"auto"`` keeps the features that frozen layers compute, for this run and the next; ``"off"`` does not.
        cache_limit: At most this many bytes in memory, and again in the cache folder.
        progress: Whether training shows a table of epochs [True].
    """

    pretrained: str | os.PathLike[str] | None
    continued: str | os.PathLike[str] | None
    precision: str
    offline: bool
    norm: str
    groups: str | None
    weight_decay: float
    label_smoothing: float | None
    balance: str
    accumulate: int
    clip: float | None
    average: float | None
    variants: int
    monitor: str | None
    cache: str
    cache_limit: int | None
    progress: bool


#: What holds where nothing is passed.
_USUAL: dict[str, Any] = {
    "arch": None,
    "weights": None,
    "pretrained": None,
    "continued": None,
    "size": None,
    "channels": None,
    "cut": None,
    "head": None,
    "precision": "auto",
    "offline": False,
    "batch": None,
    "seed": 42,
    "norm": "keep",
    "groups": None,
    "weight_decay": 0.01,
    "label_smoothing": None,
    "balance": "none",
    "accumulate": 1,
    "mixup": None,
    "cutmix": None,
    "clip": None,
    "average": None,
    "variants": 2,
    "monitor": None,
    "metrics": [],
    "valid": None,
    "valid_pct": None,
    "cache": "auto",
    "cache_limit": None,
    "group_column": None,
    "group_regex": None,
    "label_column": None,
    "label_separator": None,
    "valid_column": None,
    "target": None,
}

#: A custom metric: from probabilities ``[n, classes]`` and labels to a number.
Measure = Callable[["np.ndarray", Any], float]


def complete(function: str, given: Mapping[str, Any], further: Mapping[str, Any], kept: list[Any]) -> dict[str, Any]:
    """The options for the extension module: those given, and the usual ones for the rest."""
    known = LearningOptions.__annotations__
    for name in further:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *given], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")
    options = {**_USUAL, **given, **further}
    options.pop("progress", None)
    options["weights"] = convert.weights(options["weights"], kept)
    options["valid"] = convert.places(options["valid"])
    for name in ("pretrained", "continued"):
        options[name] = convert.path(options[name])
    return options


def split_metrics(metrics: Sequence[str | Measure] | None) -> tuple[list[str] | None, list[tuple[str, Any]]]:
    """The names of the metrics to show, and those that are functions, for the extension module."""
    if metrics is None:
        return None, []
    given: Sequence[Any] = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    names = [metric if isinstance(metric, str) else metric.__name__ for metric in given]
    return names, [(metric.__name__, _of_arrays(metric)) for metric in given if not isinstance(metric, str)]


def _of_arrays(measure: Measure) -> Callable[[Any, Any], float]:
    """The same for what the extension module hands over."""

    def measured(found: tuple[bytearray, list[int]], targets: list[Any]) -> float:
        import numpy as np

        labels = targets if targets and isinstance(targets[0], list) else np.asarray(targets)
        return float(measure(convert.array(found), labels))

    return measured
