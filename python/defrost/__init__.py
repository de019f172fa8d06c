"""Transfer learning that you can follow: a pretrained network is frozen, taught a new task, and thawed layer group by layer group.

The words are fastai's, the engine is Rust's, and it needs no GPU.

    >>> import defrost as df
    >>> learn = df.vision_learner("photos")   # doctest: +SKIP
    >>> learn.train()                         # doctest: +SKIP
    >>> learn.predict("new.jpg")              # doctest: +SKIP

``from defrost.vision import *`` (or ``text``, ``tabular``) brings the names of one kind of data, ``defrost.sklearn`` a transformer and
a classifier for scikit-learn.
"""

from __future__ import annotations

from ._defrost import __version__, set_threads, threads
from .callback import Callback, EarlyStoppingCallback
from .errors import (
    ArgumentError,
    CancelFitException,
    DataError,
    DefrostError,
    ModelError,
    TrainingError,
    WeightsError,
)
from .features import Features
from .interpret import ClassificationInterpretation, Interpretation
from .learner import Learner
from .model import Model, load_learner
from .plan import LayerGroup, Plan
from .predictor import Prediction, Predictions
from .recorder import Recorder
from .tabular import tabular_learner
from .text import text_learner
from .vision import vision_learner

__all__ = [
    "ArgumentError",
    "Callback",
    "CancelFitException",
    "ClassificationInterpretation",
    "DataError",
    "DefrostError",
    "EarlyStoppingCallback",
    "Features",
    "Interpretation",
    "LayerGroup",
    "Learner",
    "Model",
    "ModelError",
    "Plan",
    "Prediction",
    "Predictions",
    "Recorder",
    "TrainingError",
    "WeightsError",
    "load_learner",
    "set_threads",
    "tabular_learner",
    "text_learner",
    "threads",
    "vision_learner",
]
