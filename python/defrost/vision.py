"""Learning from images: ``from defrost.vision import *``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from . import _defrost, convert
from .callback import Callback, CancelFitException, EarlyStoppingCallback, Events
from .features import Features
from .interpret import ClassificationInterpretation, Interpretation
from .learner import Learner
from .model import Model, load_learner
from .options import LearningOptions, Measure, complete, split_metrics

__all__ = [
    "Callback",
    "CancelFitException",
    "ClassificationInterpretation",
    "EarlyStoppingCallback",
    "Features",
    "Interpretation",
    "Learner",
    "Model",
    "load_learner",
    "vision_learner",
]


def vision_learner(
    data: Any,
    labels: Any = None,
    *,
    arch: str | None = None,
    weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    size: int | None = None,
    channels: int | None = None,
    cut: str | None = None,
    head: str | None = None,
    valid: Any = None,
    valid_pct: float | None = None,
    seed: int = 42,
    batch: int | None = None,
    augment: str = "default",
    mixup: float | None = None,
    cutmix: float | None = None,
    metrics: Sequence[str | Measure] | None = None,
    recipe: str = "auto",
    cbs: Iterable[Callback] | Callback | None = None,
    label_regex: str | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    valid_column: str | None = None,
    group_column: str | None = None,
    group_regex: str | None = None,
    target: str | None = None,
    **options: Unpack[LearningOptions],
) -> Learner:
    """A learner of images over a pretrained network. It starts frozen: only the new head trains.

    Args:
        data: A folder with a folder for each class (with or without ``train`` and ``valid`` around them), or a list of images: paths,
            PIL images, arrays ``[height, width, 3]`` of uint8, an array ``[n, height, width, 3]``; or, without ``labels``, anything
            indexable whose items are pairs of an image and its label.
        labels: The label of each image: a class's name, a list of labels, or a float. For a folder, the path of a CSV file with a line
            for each image.
        arch: The network; ``defrost models`` lists them. By default ``efficientnet_lite0``, whose weights are in the package.
        weights: Where its weights come from: ``"embedded"``, ``"hub"``, ``"hub:OWNER/NAME"``, ``"none"``, the path of a .safetensors or
            .pth file, or a ``state_dict`` of torchvision's or timm's model.
        size: Side of the images in pixels; by default the network's own.
        channels: 3 for colour, 1 for grey.
        cut: Leaves off this stage of the body and all after it.
        head: ``"linear"`` is one dense layer, ``"fastai"`` adds a hidden layer and norms.
        valid: What validates: another folder, or places among the images. By default the folder's ``valid``, or else a fifth.
        valid_pct: The fraction that validates, split off evenly over the classes.
        seed: The seed of all random numbers: the same seed gives the same result.
        batch: Images in a batch [32].
        augment: How training images are varied: ``"default"``, ``"none"`` or ``"strong"``.
        mixup: Blends images, in phases where nothing is frozen; 0.4 is usual.
        cutmix: Pastes boxes of other images, in phases where nothing is frozen; 1 is usual.
        metrics: Metrics to show: names (``"accuracy"``, ``"f1"``, …) or functions of probabilities and labels; by default all.
        recipe: What :meth:`Learner.train` does: ``"auto"`` or ``"fastai"``.
        cbs: Callbacks.
        label_regex: Reads labels off file names: the first group of this expression.
        image_column, label_column, label_separator, valid_column, group_column: Columns of the file of labels, as the command has them.
        group_regex: Keeps files with the same match in their paths on one side of the split.
        target: What a label in the file is: ``"class"``, ``"labels"`` or ``"number"``.
        options: :class:`~defrost.options.LearningOptions`.

    Returns:
        The learner.

    Raises:
        DataError: If the images can't be read or learned from.
        WeightsError: If the network's weights can't be loaded.
        ArgumentError: If an argument makes no sense.

    Examples:
        >>> learn = vision_learner("photos", arch="resnet34", metrics=["accuracy", "f1"])  # doctest: +SKIP
        >>> learn.fine_tune(4)                                                             # doctest: +SKIP
        >>> learn.predict("new.jpg")                                                       # doctest: +SKIP
    """
    given: Any
    table = None
    if isinstance(data, (str, os.PathLike)):
        given, name = convert.path(data), os.path.basename(os.path.abspath(data))
        table = convert.path(labels)
    else:
        items, names = convert.pairs(data) if labels is None else (data, labels)
        given, name = convert.labelled(convert.images(items), convert.labels(convert.column(names))), "images in a list"
    kept: list[Any] = []
    shown, measures = split_metrics(metrics)
    chosen = {
        "arch": arch,
        "weights": weights,
        "size": size,
        "channels": channels,
        "cut": cut,
        "head": head,
        "valid": valid,
        "valid_pct": valid_pct,
        "seed": seed,
        "batch": batch,
        "augment": augment,
        "mixup": mixup,
        "cutmix": cutmix,
        "metrics": measures,
        "labels": table,
        "label_regex": label_regex,
        "image_column": image_column,
        "label_column": label_column,
        "label_separator": label_separator,
        "valid_column": valid_column,
        "group_column": group_column,
        "group_regex": group_regex,
        "target": target,
    }
    events = Events()
    inner = _defrost.Learner.of_images(given, complete("vision_learner", chosen, options, kept), events)
    progress = options.get("progress", True)
    return Learner(inner, events, task="vision", name=name, metrics=shown, cbs=cbs, recipe=recipe, progress=progress, kept=kept)
