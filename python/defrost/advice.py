"""What is measured before training: learning rates, and what to freeze."""

from __future__ import annotations

from typing import Any

from .display import Page

__all__ = ["Advice", "SuggestedLRs"]


class SuggestedLRs(dict[str, "float | None"]):
    """The learning rates that :meth:`Learner.lr_find` suggests, by name and as attributes (fastai's ``SuggestedLRs``).

    Attributes:
        valley: Two thirds down the longest descent: the one to use.
        slide: Before the loss begins to rise for good.
        steep: Where the loss falls fastest.
        minimum: A tenth of the rate with the lowest loss.
        why: Why there are none, if there are none.
    """

    why: str | None = None

    def __getattr__(self, name: str) -> float | None:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Advice(Page):
    """What to freeze, as measured.

    Attributes:
        text: The advice in sentences.
        measurements: All that was measured, as the command's JSON has it.
    """

    def __init__(self, found: dict[str, Any], page: str) -> None:
        super().__init__(page)
        self.measurements = found
        self.text: list[str] = list(found["advice"])

    def __repr__(self) -> str:
        return "\n".join(self.text)
