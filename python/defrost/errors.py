"""What can go wrong, by what is to blame.

Every error of this package is a :class:`DefrostError`. Its text says which file or value is wrong and, after ``help:``, what to pass
instead.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "CancelFitException",
    "DataError",
    "DefrostError",
    "ModelError",
    "TrainingError",
    "WeightsError",
]


class DefrostError(Exception):
    """The class of all errors of this package."""


class ArgumentError(DefrostError, ValueError):
    """A value that was passed makes no sense; the text names the argument."""


class DataError(DefrostError, ValueError):
    """Items can't be read or learned from."""


class WeightsError(DefrostError):
    """Pretrained weights can't be downloaded, read or used."""


class ModelError(DefrostError):
    """A run can't be loaded, saved or resumed."""


class TrainingError(DefrostError, RuntimeError):
    """Training went wrong, as when the loss becomes NaN at any rate."""


class CancelFitException(Exception):
    """Raised in a callback, it ends training after the batch, quietly (fastai's name)."""
