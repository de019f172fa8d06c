"""How results look: HTML and SVG in a notebook, text in a terminal."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from .learner import Learner

__all__ = ["Figure", "Page"]

#: The colours of tables and bars; they fit light and dark pages.
_ACCENT = "#d9822b"


def in_notebook() -> bool:
    """Whether the running cell's output can show HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class Figure:
    """A figure: an image in a notebook, text in a terminal.

    Args:
        svg: The figure as SVG or HTML.
        text: What a terminal shows instead.
    """

    def __init__(self, svg: str, text: str = "") -> None:
        self.svg, self._text = svg, text

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it into a file; returns the path."""
        Path(path).write_text(self.svg, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return f'<div style="max-width:60em">{self.svg}</div>'

    def __repr__(self) -> str:
        return self._text or "a figure; save it with .save(path)"


class Page(Figure):
    """A whole page, such as a report. In a notebook it is shown in a frame of its own."""

    def _repr_html_(self) -> str:
        content = html.escape(self.svg, quote=True)
        return f'<iframe srcdoc="{content}" style="width:100%;height:40em;border:1px solid #8884" sandbox></iframe>'

    @property
    def html(self) -> str:
        """The page."""
        return self.svg

    def __repr__(self) -> str:
        return f"a page of {len(self.svg) // 1024} KB; save it with .save(path)"


class Png(Figure):
    """An image as a PNG file."""

    def __init__(self, png: bytes, text: str = "") -> None:
        super().__init__("", text)
        self.png = png

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it into a file; returns the path."""
        Path(path).write_bytes(self.png)
        return Path(path)

    def _repr_html_(self) -> str:
        import base64

        return f'<img style="max-width:100%" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'


def show_or_return(figure: Figure, show: bool) -> Figure | None:
    """Shows a figure in a notebook, or its text in a terminal; without ``show`` returns it."""
    if not show:
        return figure
    if in_notebook():
        from IPython.display import display

        display(figure)
    else:
        print(repr(figure))
    return None


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in characters."""
    widths = [max(len(line[place]) for line in [header, *rows]) for place in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in [header, *rows]]
    return "\n".join(lines)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same as HTML."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def confusion_html(confusion: Sequence[Sequence[int]], classes: Sequence[str], normalize: bool = False) -> str:
    """A confusion matrix: actual classes downwards, predicted ones to the right; the darker, the larger the part of its row."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in classes)
    lines = []
    for name, row in zip(classes, confusion):
        total = max(1, sum(row))
        cells = "".join(
            f'<td style="text-align:right;background:rgba(217,130,43,{count / total:.2f})">'
            f"{f'{count / total:.2f}' if normalize else count}</td>"
            for count in row
        )
        lines.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    return f"<table><thead><tr><th>actual \u2193 predicted \u2192</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def confusion_text(confusion: Sequence[Sequence[int]], classes: Sequence[str], normalize: bool = False) -> str:
    """The same in characters."""

    def shown(count: int, row: Sequence[int]) -> str:
        return f"{count / max(1, sum(row)):.2f}" if normalize else str(count)

    rows = [[name, *(shown(count, row) for count in row)] for name, row in zip(classes, confusion)]
    return table(["actual \\ predicted", *classes], rows)


def preview_html(preview: Any, heat: str | None) -> str:
    """An item of a report: a thumbnail with the places that support the prediction, a text, or cells."""
    if not preview:
        return ""
    ((kind, content),) = preview.items() if isinstance(preview, dict) else [("text", preview)]
    if kind == "image":
        picture = f'<img src="data:image/jpeg;base64,{content["jpeg"]}" width="{content["width"]}" height="{content["height"]}">'
        over = (
            f'<img src="data:image/png;base64,{heat}" style="position:absolute;left:0;top:0;width:100%;height:100%">'
            if heat
            else ""
        )
        return f'<div style="position:relative;display:inline-block">{picture}{over}</div>'
    if kind == "cells":
        return "<br>".join(f"{html.escape(str(name))}: {html.escape(str(value))}" for name, value in content)
    return html.escape(str(content))


def examples_html(examples: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    """Items side by side: what each is, what was predicted, its loss."""
    cards = []
    for example in examples:
        sure = "" if example["sure"] is None else f" ({example['sure']:.0%})"
        words = f"{html.escape(example['predicted'])}{sure} / {html.escape(example['actual'])}<br>loss {example['loss']:.2f}"
        title = html.escape(example["name"], quote=True)
        cards.append(
            f'<figure style="display:inline-block;margin:.5em;max-width:14em;vertical-align:top" title="{title}">'
            f"{preview_html(example['preview'], example['heat'])}<figcaption>{words}</figcaption></figure>"
        )
    return f"<div><div>predicted / actual</div>{''.join(cards)}</div>"


def examples_text(examples: Sequence[dict[str, Any]]) -> str:
    """The same in characters."""
    rows = [
        [
            example["name"],
            example["predicted"] + ("" if example["sure"] is None else f" ({example['sure']:.0%})"),
            example["actual"],
            f"{example['loss']:.2f}",
        ]
        for example in examples
    ]
    return table(["item", "predicted", "actual", "loss"], rows)


class Progress:
    """The table of epochs and a bar of batches while a learner trains, as fastprogress draws them.

    In a notebook it is one output that changes; in a terminal a line for each epoch, with the bar on stderr.
    """

    #: Seconds between two drawings.
    EVERY = 0.2

    def __init__(self, learner: Learner, wanted: bool) -> None:
        self._learner, self._wanted = learner, wanted
        self._notebook = wanted and in_notebook()
        self._bar = wanted and not self._notebook and sys.stderr.isatty()
        self._handle: Any = None
        self._first = len(learner.recorder.records)
        self._drawn, self._printed, self._doing = 0.0, False, ""

    def before_epoch(self) -> None:
        self._draw()

    def after_batch(self) -> None:
        if time.monotonic() - self._drawn >= self.EVERY:
            self._draw()

    def after_epoch(self) -> None:
        if self._notebook:
            self._draw(done=True)
        elif self._wanted:
            self._clear()
            recorder = self._learner.recorder
            row = recorder.row(recorder.records[-1])
            if not self._printed:
                self._widths = [max(len(name), len(cell), 9) for name, cell in zip(recorder.metric_names, row)]
                print("  ".join(name.ljust(width) for name, width in zip(recorder.metric_names, self._widths)).rstrip())
                self._printed = True
            print("  ".join(cell.ljust(width) for cell, width in zip(row, self._widths)).rstrip())

    def say(self, doing: str) -> None:
        """Says what else is going on."""
        self._doing = doing
        self._draw()

    def end(self) -> None:
        """Leaves the table alone."""
        self._clear()
        if self._handle is not None:
            self._draw(ended=True)

    def _fraction(self) -> float:
        learner = self._learner
        return min(1.0, (learner.iter + 1) / max(1, learner.n_iter)) if learner.n_iter else 0.0

    def _draw(self, done: bool = False, ended: bool = False) -> None:
        self._drawn = time.monotonic()
        learner = self._learner
        words = self._doing or f"{learner.phase} epoch {learner.epoch + 1}/{learner.n_epoch}"
        if self._bar and not ended:
            filled = round(self._fraction() * 20)
            print(f"\r  {words} [{'#' * filled}{'.' * (20 - filled)}]\x1b[K", end="", file=sys.stderr, flush=True)
        if not self._notebook:
            return
        from IPython.display import display

        recorder = learner.recorder
        rows = [recorder.row(record) for record in recorder.records[self._first :]]
        shown = html_table(recorder.metric_names, rows) if rows else ""
        if not (done or ended):
            shown += (
                f'<progress value="{self._fraction():.3f}" max="1" style="width:20em;accent-color:{_ACCENT}"></progress> '
                f"{html.escape(words)}"
            )
        figure = Figure(shown, table(recorder.metric_names, rows))
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)

    def _clear(self) -> None:
        if self._bar:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
