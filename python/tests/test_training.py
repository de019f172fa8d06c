"""Callbacks, interruptions, threads and processes, and the command's own result."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import defrost as df
from defrost.vision import Callback, CancelFitException, EarlyStoppingCallback, vision_learner


class Diary(Callback):
    def __init__(self) -> None:
        self.events: list[str] = []

    def before_fit(self) -> None:
        self.events.append(f"fit {self.n_epoch}")

    def before_epoch(self) -> None:
        self.events.append(f"epoch {self.epoch}")

    def after_batch(self) -> None:
        self.events.append(f"batch {self.iter}/{self.n_iter}")
        assert np.isfinite(self.loss)

    def after_epoch(self) -> None:
        self.events.append(f"measured {len(self.recorder.values)}")

    def after_fit(self) -> None:
        self.events.append("end")


def test_callbacks_see_what_happens_in_order(photos: Path) -> None:
    diary = Diary()
    learn = vision_learner(photos, cbs=diary, **SMALL)
    learn.fit(1, 1e-3)
    assert diary.events == ["fit 1", "epoch 0", "batch 0/3", "batch 1/3", "batch 2/3", "measured 1", "end"]
    learn.remove_cbs(Diary)
    learn.fit(1, 1e-3)
    assert len(diary.events) == 7


def test_false_ends_training_after_measuring(photos: Path) -> None:
    class Once(Callback):
        def after_batch(self) -> bool:
            return False

    learn = vision_learner(photos, **SMALL)
    learn.fit(5, 1e-3, cbs=Once())
    assert len(learn.recorder.losses) == 1 and len(learn.recorder.records) == 1 and learn.cbs == []


def test_cancelling_is_quiet_and_other_exceptions_are_not(photos: Path) -> None:
    class Cancel(Callback):
        def after_batch(self) -> None:
            raise CancelFitException

    class Fail(Callback):
        def after_batch(self) -> None:
            raise KeyError("mine")

    learn = vision_learner(photos, **SMALL)
    learn.fit(5, 1e-3, cbs=Cancel())
    assert len(learn.recorder.losses) == 1
    with pytest.raises(KeyError, match="mine"):
        learn.fit(5, 1e-3, cbs=Fail())
    learn.fit(1, 1e-3)
    assert len(learn.recorder.records) == 1, "the learner goes on after both"


def test_a_learner_that_trains_is_busy(photos: Path) -> None:
    class Ask(Callback):
        def after_batch(self) -> None:
            self.learn.validate()

    with pytest.raises(df.TrainingError, match="the learner is busy"):
        vision_learner(photos, cbs=Ask(), **SMALL).fit(1, 1e-3)


def test_early_stopping_waits(photos: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    learn.fit(6, 1e-12, cbs=EarlyStoppingCallback("accuracy", patience=2))
    assert len(learn.recorder.records) == 3
    with pytest.raises(df.ArgumentError, match="monitor='accurcy': choose one of train_loss"):
        learn.fit(1, 1e-3, cbs=EarlyStoppingCallback("accurcy"))


def test_functions_are_metrics(photos: Path) -> None:
    def sure(probabilities: np.ndarray, labels: np.ndarray) -> float:
        assert probabilities.shape == (12, 3) and labels.shape == (12,)
        return float((probabilities.max(axis=1) > 0.5).mean())

    learn = vision_learner(photos, metrics=["accuracy", sure], **SMALL)
    learn.fit(1, 1e-2)
    assert learn.recorder.metric_names[3:5] == ["accuracy", "sure"] and 0 <= learn.validate()["sure"] <= 1

    def wrong(probabilities: np.ndarray, labels: np.ndarray) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        vision_learner(photos, metrics=[wrong], **SMALL).fit(1, 1e-2)


def test_the_library_logs_to_python(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="defrost"):
        vision_learner(photos, **SMALL).fit(1, 1e-3)
    assert any("phase begins" in record.getMessage() for record in caplog.records)


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def command(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "defrost", *words], capture_output=True, text=True, **options)


def test_train_is_the_commands_to_the_byte(photos: Path, tmp_path: Path) -> None:
    words = ["--size", "32", "--precision", "f32", "--batch", "8", "--cache", "off", "--epochs", "1"]
    ran = command("train", str(photos), *words, "--out", str(tmp_path / "command"), "--json")
    assert ran.returncode == 0, ran.stderr
    learn = vision_learner(photos, **SMALL)
    learn.train(1, out=tmp_path / "package")
    assert weights(tmp_path / "package") == weights(tmp_path / "command")
    told = json.loads(ran.stdout)
    assert learn.decision["kept"] == told["decision"]["kept"] and learn.best["metrics"] == told["best"]["metrics"]
    assert not (tmp_path / "package" / "checkpoint").exists()
    fastai = command("train", str(photos), *words, "--recipe", "fastai", "--out", str(tmp_path / "fastai"))
    assert fastai.returncode == 0, fastai.stderr
    learn = vision_learner(photos, recipe="fastai", **SMALL)
    learn.train(1, out=tmp_path / "tuned")
    assert weights(tmp_path / "tuned") == weights(tmp_path / "fastai")
    with pytest.raises(df.ModelError, match="there is a finished run in it"):
        learn.train(1, out=tmp_path / "tuned")
    partly = command("train", str(photos), *words, "--thaw", "1,2", "--out", str(tmp_path / "thawed"))
    assert partly.returncode == 0, partly.stderr
    learn = vision_learner(photos, **SMALL)
    learn.train(1, thaw=[1, 2], out=tmp_path / "partly")
    assert weights(tmp_path / "partly") == weights(tmp_path / "thawed")


def test_the_command_answers_as_a_command(photos: Path) -> None:
    assert command("--version").stdout.startswith("defrost ")
    wrong = command("train", "--epochz", "1")
    assert wrong.returncode == 2 and "--epochs" in wrong.stderr


#: A program that trains until it is interrupted.
ENDLESS = """
import sys
from defrost.vision import *
learn = vision_learner(sys.argv[1], size=32, precision="f32", batch=8, cache="off", progress=False)
class Say(Callback):
    def after_batch(self): print("batch", flush=True)
try:
    learn.train(400, freeze_epochs=0, recipe="fastai", out=sys.argv[2], cbs=Say())
except KeyboardInterrupt:
    print("interrupted", len(learn.recorder.losses), flush=True)
    learn.fine_tune(1)  # which leaves the checkpoint alone
    print("went on", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_ctrl_c_stops_after_the_batch_with_a_checkpoint(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    program = subprocess.Popen([sys.executable, "-c", ENDLESS, str(photos), str(run)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None and program.stdout.readline() == "batch\n"
    program.send_signal(signal.SIGINT)
    rest, _ = program.communicate(timeout=60)
    assert "interrupted" in rest and "went on" in rest and program.returncode == 0
    assert (run / "checkpoint" / "checkpoint.json").exists()
    learn = vision_learner(photos, **SMALL)
    with pytest.raises(df.ModelError, match="(?s)unfinished run.*help: resume="):
        learn.train(400, out=run)

    class Stop(Callback):
        def after_batch(self) -> bool:
            return False

    learn.train(400, freeze_epochs=0, recipe="fastai", resume=run, cbs=Stop())
    assert (run / "bundle.json").exists() and not (run / "checkpoint").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_ctrl_c_ends_the_command(photos: Path, tmp_path: Path) -> None:
    words = [
        "train",
        str(photos),
        "--size",
        "32",
        "--batch",
        "8",
        "--recipe",
        "fastai",
        "--epochs",
        "400",
        "--out",
        str(tmp_path / "run"),
    ]
    program = subprocess.Popen([sys.executable, "-m", "defrost", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "checkpoint" / "checkpoint.json").exists():
        assert time.monotonic() < deadline and program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130 and "--resume" in said


def test_learners_train_in_threads_of_their_own(photos: Path) -> None:
    learners = [vision_learner(photos, **SMALL) for _ in range(2)]
    alone = vision_learner(photos, **SMALL)
    alone.fit(2, 1e-3)
    threads = [threading.Thread(target=learn.fit, args=(2, 1e-3)) for learn in learners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    expected = alone.state_dict()["head.linear.weight"]
    assert all(np.array_equal(learn.state_dict()["head.linear.weight"], expected) for learn in learners)


def _classes(model: df.Model, file: str) -> str:
    return str(model.predict(file).label)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_computes_on_threads_of_its_own(photos: Path, tmp_path: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    learn.fit(1, 1e-2)
    model = df.load_learner(learn.save(tmp_path / "run"))
    files = [str(file) for file in sorted((photos / "valid").glob("*/*"))[:4]]
    here = [_classes(model, file) for file in files]
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    child = context.Process(target=lambda: found.put([_classes(model, file) for file in files]))
    child.start()
    child.join(60)
    assert child.exitcode == 0 and found.get() == here


def test_a_learner_is_freed(photos: Path) -> None:
    import gc
    import weakref

    learn = vision_learner(photos, cbs=Diary(), **SMALL)
    learn.fit(1, 1e-3)
    gone = weakref.ref(learn)
    del learn
    gc.collect()
    assert gone() is None
