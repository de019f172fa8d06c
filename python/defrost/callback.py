"""Callbacks: classes that watch and stop training, with fastai's names."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any

from .errors import ArgumentError, CancelFitException

if TYPE_CHECKING:
    from .learner import Learner

__all__ = ["Callback", "CancelFitException", "EarlyStoppingCallback"]


class Callback:
    """Something that is called while a learner trains.

    Each method may return ``False`` or raise :class:`CancelFitException` to end training. After ``False`` the running epoch is
    measured, so that nothing is lost. Any other exception ends training after the batch and reaches the caller of ``fit``.

    The learner's attributes can be read on ``self``: ``self.epoch``, ``self.n_epoch``, ``self.iter``, ``self.n_iter`` (all counted
    from 0), ``self.loss`` (of the batch), ``self.recorder``.

    Examples:
        >>> class Brief(Callback):
        ...     def after_batch(self):
        ...         return self.iter < 100
    """

    learn: Learner

    def before_fit(self) -> bool | None:
        """A phase begins: ``fine_tune`` has two, as in fastai."""

    def before_epoch(self) -> bool | None:
        """An epoch begins."""

    def after_batch(self) -> bool | None:
        """A batch has been trained on."""

    def after_epoch(self) -> bool | None:
        """An epoch has been trained and measured: ``self.recorder.values[-1]`` are its numbers."""

    def after_fit(self) -> bool | None:
        """A phase has ended."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "learn":
            raise AttributeError(name)
        return getattr(self.learn, name)


class EarlyStoppingCallback(Callback):
    """Ends training when a metric has not improved for some epochs (fastai's).

    Args:
        monitor: ``"valid_loss"``, ``"train_loss"`` or the name of a metric.
        min_delta: By how much it has to improve.
        patience: After how many epochs without improvement training ends.
    """

    def __init__(self, monitor: str = "valid_loss", min_delta: float = 0.0, patience: int = 1) -> None:
        self.monitor, self.min_delta, self.patience = monitor, abs(min_delta), patience

    def before_fit(self) -> None:
        self.best, self.waited = float("inf"), 0

    def after_epoch(self) -> bool | None:
        record = self.recorder.records[-1]
        values = {"train_loss": record["train_loss"], "valid_loss": record["valid_loss"], **record["metrics"]}
        if self.monitor not in values:
            raise ArgumentError(f"monitor={self.monitor!r}: choose one of {', '.join(values)}")
        lower_is_better = self.monitor.endswith("loss") or self.monitor in ("mae", "rmse")
        value = values[self.monitor] if lower_is_better else -values[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return False if self.waited >= self.patience else None


class Events:
    """What the extension module calls: keeps the learner's counters and calls its callbacks."""

    def __init__(self) -> None:
        # A learner is freed when its user drops it, although its other half holds this object.
        self._learner: weakref.ref[Learner] | None = None

    def attach(self, learner: Learner) -> None:
        """Calls the callbacks of this learner from now on."""
        self._learner = weakref.ref(learner)

    def _tell(self, event: str) -> bool:
        going_on = True
        for callback in self._learn._callbacks():
            method = getattr(callback, event, None)
            if method is not None and method() is False:
                going_on = False
        return going_on

    @property
    def _learn(self) -> Learner:
        learner = None if self._learner is None else self._learner()
        assert learner is not None, "a learner lives while it trains"
        return learner

    def phase_started(self, name: str, epochs: int) -> bool:
        learn = self._learn
        learn.phase, learn.epoch, learn.n_epoch = name, 0, epochs
        return self._tell("before_fit")

    def epoch_started(self, epoch: int, epochs: int) -> bool:
        learn = self._learn
        learn.epoch, learn.n_epoch, learn.iter = epoch - 1, epochs, 0
        return self._tell("before_epoch")

    def batch_ended(self, batch: int, batches: int, loss: float, rates: list[float], momentum: float) -> bool:
        learn = self._learn
        learn.iter, learn.n_iter, learn.loss = batch - 1, batches, loss
        learn.recorder._batch(loss, rates, momentum)
        return self._tell("after_batch")

    def epoch_ended(self, record: dict[str, Any]) -> bool:
        self._learn.recorder._epoch(record)
        return self._tell("after_epoch")

    def phase_ended(self, name: str) -> bool:
        return self._tell("after_fit")

    def rolled_back(self, factor: float) -> None:
        logging.getLogger("defrost").warning("the loss became NaN: the epoch restarts at %g of the rates", factor)

    def checkpoint_failed(self, reason: str) -> None:
        logging.getLogger("defrost").warning("a checkpoint could not be written: %s", reason)

    def advising(self, doing: str) -> None:
        self._learn._progress.say(doing)
