"""What a learner measured while it trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .display import Figure, show_or_return, table
from .errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Recorder"]


class Recorder:
    """Losses, rates and metrics so far (fastai's ``learn.recorder``).

    Attributes:
        losses: The loss of each batch.
        lrs: The learning rate of the last layer group in each batch.
        moms: The momentum in each batch.
        records: A dict for each epoch: ``phase``, ``epoch``, ``train_loss``, ``valid_loss``, ``metrics``, ``seconds``.
    """

    def __init__(self, metrics: Sequence[str] | None = None) -> None:
        self.losses: list[float] = []
        self.lrs: list[float] = []
        self.moms: list[float] = []
        self.records: list[dict[str, Any]] = []
        self._shown = None if metrics is None else list(metrics)
        self._group_lrs: list[list[float]] = []

    def _batch(self, loss: float, rates: list[float], momentum: float) -> None:
        self.losses.append(loss)
        self.lrs.append(rates[-1] if rates else 0.0)
        self.moms.append(momentum)
        self._group_lrs.append(rates)

    def _epoch(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that tables show."""
        if self._shown is not None:
            return self._shown
        return list(self.records[-1]["metrics"]) if self.records else []

    @property
    def metric_names(self) -> list[str]:
        """The columns of the table of epochs (fastai's)."""
        return ["epoch", "train_loss", "valid_loss", *self.metrics, "time"]

    @property
    def values(self) -> list[list[float]]:
        """The losses and metrics of each epoch (fastai's)."""
        return [
            [record["train_loss"], record["valid_loss"], *(record["metrics"].get(name, float("nan")) for name in self.metrics)]
            for record in self.records
        ]

    def rows(self) -> list[list[str]]:
        """The table of epochs as it is shown."""
        return [self.row(record) for record in self.records]

    def row(self, record: dict[str, Any]) -> list[str]:
        """A row of that table."""
        metrics = [record["metrics"].get(name) for name in self.metrics]
        numbers = [record["train_loss"], record["valid_loss"], *metrics]
        cells = ["" if number is None else f"{number:.6f}" for number in numbers]
        minutes, seconds = divmod(round(record["seconds"]), 60)
        return [str(record["epoch"] - 1), *cells, f"{minutes:02}:{seconds:02}"]

    def to_frame(self) -> pd.DataFrame:
        """The epochs as a frame of pandas', a row each."""
        import pandas as pd

        flat = [
            {**{key: value for key, value in record.items() if key != "metrics"}, **record["metrics"]} for record in self.records
        ]
        return pd.DataFrame(flat)

    def plot_loss(self, skip_start: int = 5, with_valid: bool = True, *, show: bool = True) -> Figure | None:
        """Draws the loss of each batch, and the validation loss of each epoch.

        Args:
            skip_start: Batches at the beginning that are left out.
            with_valid: Whether to draw the validation loss, too.
            show: Shows the figure; ``False`` returns it instead.
        """
        from ._defrost import draw_curve

        curves = [("train", [(float(place), loss) for place, loss in enumerate(self.losses) if place >= skip_start])]
        if with_valid and self.records:
            step = max(1, len(self.losses)) / len(self.records)
            curves.append(("valid", [((place + 1) * step, record["valid_loss"]) for place, record in enumerate(self.records)]))
        if not any(points for _, points in curves):
            raise ArgumentError("there is nothing to draw yet; train first")
        return show_or_return(Figure(draw_curve("Loss", ("batch", "loss"), curves), str(self)), show)

    def plot_sched(self, *, show: bool = True) -> Figure | None:
        """Draws the learning rate of each layer group over the batches."""
        from ._defrost import draw_curve

        if not self._group_lrs:
            raise ArgumentError("there is nothing to draw yet; train first")
        groups = len(self._group_lrs[-1])
        points = [[(float(place), rates[group]) for place, rates in enumerate(self._group_lrs)] for group in range(groups)]
        curves = [(f"group {group}", found) for group, found in enumerate(points)]
        return show_or_return(Figure(draw_curve("Learning rate", ("batch", "rate"), curves), str(self)), show)

    def __repr__(self) -> str:
        return table(self.metric_names, self.rows()) if self.records else "Recorder: nothing has been trained yet"

    def _repr_html_(self) -> str:
        from .display import html_table

        return html_table(self.metric_names, self.rows())
