"""A saved run: it predicts, and does not train."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from . import _defrost
from .errors import ArgumentError
from .plan import Plan
from .predictor import ITEMS, Predictions, Predictor
from .recorder import Recorder

__all__ = ["Model", "load_learner", "unpickled"]


#: What only a learner does.
_TRAINS = {"fine_tune", "fit", "fit_flat_cos", "fit_one_cycle", "fit_sgdr", "freeze", "freeze_to", "lr_find", "train", "unfreeze"}


class Model(Predictor):
    """A saved run that predicts, of any kind of data. :func:`load_learner` makes one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.task = inner.task()

    def __getattr__(self, name: str) -> Any:
        if name in _TRAINS:
            raise AttributeError(f"a saved run predicts and has no {name!r}; a learner made with continued=\"PATH\" goes on training it")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def plan(self) -> Plan:
        """The plan that it was trained under."""
        return Plan(self._inner.summary())

    def summary(self) -> Plan:
        """The plan that it was trained under."""
        return self.plan

    @property
    def recorder(self) -> Recorder:
        """The epochs of its training."""
        recorder = Recorder()
        recorder.records = list(self._inner.history())
        return recorder

    def get_preds(self, *, test: Any, with_decoded: bool = False) -> Predictions:
        """Predictions for these items, as :meth:`predict` takes them."""
        return self._get_preds(test, with_decoded)

    def validate(self, data: str | os.PathLike[str]) -> dict[str, float]:
        """Loss and metrics on labelled data: a folder or file, as for training. Of a folder with a part that validates, that part."""
        _, measured = self._inner.evaluate(os.fspath(data))
        return {"valid_loss": measured["loss"], **measured["metrics"]}

    def export(self, file: str | os.PathLike[str]) -> Path:
        """Writes it as an ONNX file, and beside it what belongs to it."""
        path = Path(os.fspath(file))
        if path.suffix != ".onnx":
            raise ArgumentError(f"{path}: end it with .onnx; the run itself is a folder or a file already")
        self._inner.export(str(path))
        return path

    def __repr__(self) -> str:
        classes = ", ".join(self.classes[:5]) + (", …" if len(self.classes) > 5 else "")
        return f"<Model of {ITEMS[self.task]}: {self.plan.arch}, {classes or 'a number'}>"


def load_learner(path: str | os.PathLike[str]) -> Model:
    """Loads a saved run, whatever it was trained on: a folder, or a ``.defrost`` file.

    Unlike fastai's, the file is no pickle: it holds numbers and descriptions, and loading it runs no code of its maker's.

    Raises:
        ModelError: If there is none, it is damaged, or it does not answer as it did when it was saved.
    """
    return Model(_defrost.Model.open(os.fspath(path)))


def unpickled(content: bytes) -> Model:
    """A pickled learner: the bytes of its file."""
    with tempfile.TemporaryDirectory(prefix="defrost-") as folder:
        file = Path(folder) / "model.defrost"
        file.write_bytes(content)
        return load_learner(file)
