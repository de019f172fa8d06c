"""What the scripts of the experiments share: running `defrost`, picking images, drawing.

`DEFROST` names another command than the `defrost` of the PATH. Nothing but Python 3.9 or later is needed.
"""

import argparse
import html
import json
import math
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parents[1] / "samples"
FASHION = SAMPLES / "fashion"
#: Images that no run trains on or chooses by: they judge.
JUDGES = FASHION / "valid"

# One colour, dash and marker for each line, so that colour is never the only difference.
COLOURS = [("#1b62a5", "#7ab8f5"), ("#a8480c", "#f5a66b"), ("#23703f", "#7fd6a0"), ("#6a3d9a", "#c9a5f0")]
DASHES = ["", "7 4", "2 4", "12 4 2 4"]


def parser(about):
    """Arguments that every script has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    return made


def defrost(*words, cache=None):
    """The JSON that a command prints. `cache` is a folder for cached features instead of the usual one."""
    command = [os.environ.get("DEFROST", "defrost"), *map(str, words), "--json"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)} if cache else None
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def accuracy(run, data=JUDGES, *words):
    """The fraction of `data` that a run gets right."""
    return defrost("evaluate", run, data, *words)["metrics"]["accuracy"]


def pick(folder, count, seed):
    """Links `count` training images of each class into `folder`, drawn by `seed`."""
    for source in sorted(path for path in (FASHION / "train").iterdir() if path.is_dir()):
        files = sorted(source.iterdir())
        random.Random(seed).shuffle(files)
        (folder / source.name).mkdir(parents=True)
        for file in files[:count]:
            (folder / source.name / file.name).symlink_to(file)
    return folder


def spread(values):
    """`.781 (.773 to .790)`: the mean of the seeds, the lowest and the highest."""
    def short(value):
        return f"{value:.3f}".removeprefix("0")

    return f"{short(statistics.mean(values))} ({short(min(values))} to {short(max(values))})"


def draw(name, svg):
    """Writes the plot beside the page."""
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"drawn: docs/experiments/{name}.svg")


def frame(width, height, title, about, parts):
    """A drawing on its own background, in the reader's colour scheme."""
    rules = [".line{fill:none;stroke-width:2.5}", ".axis{stroke:#767676}", "svg{font:13px system-ui,sans-serif}"]
    for scheme, (paper, ink) in enumerate([("#ffffff", "#1f2328"), ("#0d1117", "#e6edf3")]):
        colours = [f".paper{{fill:{paper}}}", f"text{{fill:{ink}}}"]
        for index, colour in enumerate(COLOURS):
            colours.append(f".c{index}{{fill:{colour[scheme]}}}.s{index}{{stroke:{colour[scheme]}}}")
        rules.append("".join(colours) if scheme == 0 else "@media(prefers-color-scheme:dark){" + "".join(colours) + "}")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{html.escape(title)}</title>',
        f'<desc id="d">{html.escape(about)}</desc>',
        f"<style>{''.join(rules)}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text x="16" y="24" font-weight="600">{html.escape(title)}</text>',
        *parts,
        "</svg>\n",
    ])


def lines(title, about, x_axis, y_axis, columns, series, low=None, high=None):
    """A line for each of `series`: name, and for each column the values of all seeds. Dots are seeds, lines join means."""
    width, height, left, right, top, bottom = 720, 400, 64, 190, 60, 56
    values = [value for _, points in series for point in points for value in point]
    low, high = min(values) if low is None else low, max(values) if high is None else high
    step = next(size for size in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if (high - low) / size <= 7)
    low, high = step * math.floor(low / step), step * math.ceil(high / step)

    def x(column):
        return left + (width - left - right) * (column + 0.5) / len(columns)

    def y(value):
        return height - bottom - (height - top - bottom) * (value - low) / (high - low)

    parts = [f'<text x="16" y="46">{html.escape(y_axis)}</text>']
    for tick in range(round((high - low) / step) + 1):
        value = low + tick * step
        parts.append(f'<line class="axis" x1="{left}" x2="{width - right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke-opacity=".35"/>')
        parts.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for column, name in enumerate(columns):
        parts.append(f'<text x="{x(column):.1f}" y="{height - bottom + 20}" text-anchor="middle">{html.escape(str(name))}</text>')
    parts.append(f'<text x="{(left + width - right) / 2:.0f}" y="{height - 12}" text-anchor="middle">{html.escape(x_axis)}</text>')
    ends = []
    for index, (name, points) in enumerate(series):
        means = [statistics.mean(point) for point in points]
        path = " ".join(f"{x(column):.1f},{y(mean):.1f}" for column, mean in enumerate(means))
        parts.append(f'<polyline class="line s{index}" stroke-dasharray="{DASHES[index]}" points="{path}"/>')
        parts += [f'<circle class="c{index}" cx="{x(column):.1f}" cy="{y(value):.1f}" r="3.5" fill-opacity=".75"/>'
                  for column, point in enumerate(points) for value in point]
        ends.append((y(means[-1]), index, name))
    at = top - 20
    for end, index, name in sorted(ends):
        at = max(at + 18, end + 4)
        parts.append(f'<text class="c{index}" x="{x(len(columns) - 1) + 14:.1f}" y="{at:.1f}">{html.escape(name)}</text>')
    return frame(width, height, title, about, parts)


def bars(title, about, x_axis, rows, unit=""):
    """A bar for each of `rows`: name, values of all seeds, and the number of its colour. The bar ends at the mean; dots are seeds."""
    width, left, right, tall = 720, 270, 100, 34
    height = 64 + tall * len(rows) + 30
    highest = max(value for _, values, _ in rows for value in values) or 1
    parts = []

    def x(value):
        return left + (width - left - right) * value / highest

    for index, (name, values, colour) in enumerate(rows):
        top, mean = 44 + tall * index, statistics.mean(values)
        parts.append(f'<text x="{left - 10}" y="{top + 19}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(f'<rect class="c{colour}" x="{left}" y="{top + 4}" width="{max(x(mean) - left, 1):.1f}" height="{tall - 12}" fill-opacity=".55"/>')
        if len(values) > 1:
            parts += [f'<circle class="c{colour}" cx="{x(value):.1f}" cy="{top + 15}" r="3.5"/>' for value in values]
        label = f"{mean:.2f}" if unit else f"{mean:.3f}".removeprefix("0")
        parts.append(f'<text x="{x(max(values)) + 10:.1f}" y="{top + 19}">{label}{unit}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{left}" y1="44" y2="{44 + tall * len(rows)}"/>')
    parts.append(f'<text x="{left}" y="{height - 14}">{html.escape(x_axis)}</text>')
    return frame(width, height, title, about, parts)
