"""The package as its users meet it: what importing brings, what is documented, what is shown."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import defrost as df
from defrost.vision import vision_learner


def test_importing_is_light() -> None:
    program = "import sys, defrost; print(sorted({'numpy', 'pandas', 'PIL', 'IPython', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("module", ["vision", "text", "tabular"])
def test_a_star_brings_the_names_of_one_kind(module: str) -> None:
    names: dict[str, object] = {}
    exec(f"from defrost.{module} import *", names)
    makers = {name for name in names if name.endswith("_learner")}
    assert makers == {f"{module}_learner", "load_learner"} and {"Learner", "Callback", "Interpretation"} <= set(names)


def test_everything_public_is_documented() -> None:
    bare = []
    for name in df.__all__:
        thing = getattr(df, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            bare += [] if inspect.getdoc(thing) else [name]
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not member.startswith("_") and callable(value) and not inspect.getdoc(value):
                bare.append(f"{name}.{member}")
    assert not bare


def test_the_options_are_the_commands() -> None:
    helped = subprocess.run([sys.executable, "-m", "defrost", "train", "--help"], capture_output=True, text=True).stdout
    named = set(inspect.signature(vision_learner).parameters) | set(df.options.LearningOptions.__annotations__)
    # What only a call has, and the one option whose name Python keeps to itself.
    own = {"data", "options", "metrics", "cbs", "monitor", "progress", "continued"}
    missing = [name for name in named - own if f"--{name.replace('_', '-')}" not in helped]
    assert not missing


def test_training_prints_a_table(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn = vision_learner(photos, metrics=["accuracy"], **{**SMALL, "progress": True})
    learn.fit(2, 1e-3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["epoch", "0", "1"] and lines[0].split()[-2:] == ["accuracy", "time"]


def test_results_show_themselves(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn = vision_learner(photos, **SMALL)
    assert "head" in repr(learn.plan) and "<svg" not in learn.plan._repr_html_()
    with pytest.raises(df.ArgumentError, match="nothing to draw yet"):
        learn.recorder.plot_loss()
    learn.fine_tune(1)
    assert "<svg" in learn.plan._repr_html_()
    learn.plot_confusion_matrix()
    assert capsys.readouterr().out.startswith("actual \\ predicted")
    shown = [learn.plot_confusion_matrix(show=False), learn.plot_top_losses(4, show=False), learn.show_results(show=False)]
    assert all(figure is not None and "bag" in figure._repr_html_() for figure in shown)
    batch = learn.show_batch(show=False)
    assert batch is not None and batch.save(tmp_path / "batch.png").read_bytes().startswith(b"\x89PNG")
    page = learn.report()
    assert "<script" not in page.html and "fine_tune(1, 0.002)" in page.html and "srcdoc" in page._repr_html_()
    assert page.save(tmp_path / "report.html").stat().st_size > 10_000
    learn.interpret().print_classification_report()
    assert "precision" in capsys.readouterr().out
    assert "<b>" in learn.predict(next((photos / "valid" / "bag").iterdir()))._repr_html_()
    assert "epochs trained: 2" in repr(learn)


def test_advice_changes_nothing(photos: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    before = learn.state_dict()
    advice = learn.advise(budget=1.0, show=False)
    assert advice.text and advice.measurements["depths"] and "<html" in advice.html
    assert all(np.array_equal(before[name], tensor) for name, tensor in learn.state_dict().items())
    assert learn.plan.frozen == [0, 1]


def test_threads_are_counted() -> None:
    usual = df.threads()
    df.set_threads(1)
    assert df.threads() == 1
    df.set_threads()
    assert df.threads() == usual
