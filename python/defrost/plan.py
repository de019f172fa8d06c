"""What is frozen, what trains, at which rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .display import html_table, table

__all__ = ["LayerGroup", "Phase", "Plan"]


@dataclass(frozen=True)
class LayerGroup:
    """Some stages of a network that freeze and learn together.

    Attributes:
        index: Its place, from 0 at the input.
        name: Its name.
        stages: The stages in it.
        params: How many parameters it has.
        trainable: Whether it trains now.
        norm: What its norms do.
    """

    index: int
    name: str
    stages: tuple[str, ...]
    params: int
    trainable: bool
    norm: str


@dataclass(frozen=True)
class Phase:
    """A phase of training that has run.

    Attributes:
        name: Its name.
        frozen_groups: The groups that did not train.
        epochs: How many epochs it was planned for.
        lr_max: The highest rate of each group.
    """

    name: str
    frozen_groups: tuple[int, ...]
    epochs: int
    lr_max: tuple[float, ...]


class Plan:
    """The freeze plan of a learner: printed, drawn in a notebook, or read.

    Attributes:
        arch: The network's name.
        groups: Its layer groups, input first.
        phases: The phases that have run.
        total_params: Parameters in all.
        trainable_params: Those that train.
    """

    def __init__(self, summary: dict[str, Any]) -> None:
        self._summary = summary
        self.arch: str = summary["arch"]
        self.total_params: int = summary["total_params"]
        self.trainable_params: int = summary["trainable_params"]
        keys = ("index", "name", "params", "trainable", "norm")
        self.groups = [
            LayerGroup(stages=tuple(group["stages"]), **{key: group[key] for key in keys}) for group in summary["groups"]
        ]
        self.phases = [
            Phase(phase["name"], tuple(phase["frozen_groups"]), phase["epochs"], tuple(phase["lr_max"]))
            for phase in summary["phases"]
        ]

    @property
    def frozen(self) -> list[int]:
        """The groups that do not train, by index."""
        return [group.index for group in self.groups if not group.trainable]

    def to_dict(self) -> dict[str, Any]:
        """The plan as the command's JSON has it."""
        return self._summary

    def _table(self) -> tuple[list[str], list[list[str]]]:
        header = ["group", "stages", "parameters", "trainable", "norms"]
        stages = [", ".join(group.stages) for group in self.groups]
        short = [text if len(text) <= 50 else text[:47] + "…" for text in stages]
        rows = [
            [f"{group.index} {group.name}", text, f"{group.params:,}", str(group.trainable), group.norm]
            for group, text in zip(self.groups, short)
        ]
        return header, rows

    def _facts(self) -> str:
        return f"{self.arch}: {self.total_params:,} parameters, {self.trainable_params:,} train"

    def __repr__(self) -> str:
        return f"{self._facts()}\n{table(*self._table())}"

    def _repr_html_(self) -> str:
        from ._defrost import draw_plan

        return f"<div>{self._facts()}</div>{html_table(*self._table())}{draw_plan(self._summary) if self.phases else ''}"
