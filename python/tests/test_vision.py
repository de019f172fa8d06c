"""A learner of images, from data to a saved model."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import defrost as df
from defrost.vision import load_learner, vision_learner


@pytest.fixture(scope="module")
def learn(photos: Path) -> df.Learner:
    learn = vision_learner(photos, metrics=["accuracy", "f1"], **SMALL)
    learn.fine_tune(1)
    return learn


def test_fastais_words_freeze_and_thaw(photos: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    assert learn.plan.frozen == [0, 1] and learn.plan.groups[-1].name == "head"
    learn.freeze_to(-2)
    assert learn.plan.frozen == [0]
    learn.unfreeze()
    assert learn.plan.frozen == [] and learn.plan.trainable_params == learn.plan.total_params
    learn.train_only("head")
    assert learn.plan.frozen == [0, 1]
    with pytest.raises(df.ArgumentError, match="freeze position 7 does not exist"):
        learn.freeze_to(7)


def test_frozen_means_frozen(photos: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    before = learn.state_dict()
    learn.fit_one_cycle(1, 1e-2)
    after = learn.state_dict()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved and all(name.startswith("head.") for name in moved)


def test_slices_spread_over_the_groups(photos: Path) -> None:
    learn = vision_learner(photos, **SMALL)
    learn.unfreeze()
    learn.fit(1, slice(1e-5, 1e-3))
    assert learn.plan.phases[-1].lr_max == pytest.approx([1e-5, 1e-4, 1e-3])
    assert learn.recorder.lrs[0] == pytest.approx(1e-3)
    learn.fit(1, slice(1e-3))
    assert learn.plan.phases[-1].lr_max == pytest.approx([1e-4, 1e-4, 1e-3])
    learn.fit(1, [1e-6, 1e-5, 1e-4])
    assert learn.plan.phases[-1].lr_max == pytest.approx([1e-6, 1e-5, 1e-4])
    for wrong in ["1e-3", slice(None), slice(1, 2, 3)]:
        with pytest.raises(df.ArgumentError, match="^lr="):
            learn.fit(1, wrong)


def test_the_recorder_has_what_was_measured(learn: df.Learner) -> None:
    recorder = learn.recorder
    assert [(record["phase"], record["epoch"]) for record in recorder.records] == [("frozen", 1), ("thawed", 1)]
    assert recorder.metric_names == ["epoch", "train_loss", "valid_loss", "accuracy", "f1", "time"]
    assert len(recorder.losses) == len(recorder.lrs) == 6 and len(recorder.values[0]) == 4
    assert list(recorder.to_frame()["phase"]) == ["frozen", "thawed"]
    assert learn.best in recorder.records
    assert recorder.plot_loss(skip_start=0, show=False).svg.startswith("<svg")


def test_it_predicts_and_measures(learn: df.Learner, photos: Path) -> None:
    file = next((photos / "valid" / "bag").iterdir())
    prediction = learn.predict(file)
    label, index, probabilities = prediction
    assert prediction[0] == label and len(prediction) == 3
    assert learn.classes == ["bag", "sandal", "trouser"] and learn.classes[index] == label
    assert probabilities.shape == (3,) and probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.probability == pytest.approx(probabilities.max()) and prediction.top(1)[0][0] == label
    found, targets, decoded = learn.get_preds(with_decoded=True)
    assert found.shape == (12, 3) and targets.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    measured = learn.validate()
    right = np.mean([learn.classes[target] == name for target, name in zip(targets, decoded)])
    assert list(measured) == ["valid_loss", "accuracy", "f1"] and measured["accuracy"] == pytest.approx(right)
    assert learn.interpret().confusion_matrix().sum() == 12


def test_images_come_in_all_forms(learn: df.Learner, photos: Path) -> None:
    from PIL import Image

    file = next((photos / "valid" / "sandal").iterdir())
    image = Image.open(file)
    expected = learn.predict(file).probabilities
    for form in [str(file), image, np.asarray(image.convert("RGB")), np.asarray(image.convert("L"))]:
        assert np.array_equal(learn.predict(form).probabilities, expected), type(form)
    batch = learn.get_preds(test=np.stack([np.asarray(image.convert("RGB"))] * 3))
    assert batch.probabilities.shape == (3, 3) and batch.targets is None
    with pytest.raises(df.DataError, match=r"uint8 pixels of the shape .* float64 of the shape \[4, 4, 3\]"):
        learn.predict(np.zeros((4, 4, 3)))
    with pytest.raises(df.DataError, match="gone.jpg: can't be read"):
        learn.predict("gone.jpg")
    with pytest.raises(df.DataError, match="1 of 2 items can't be predicted; the first is item 1: .*gone.jpg"):
        learn.get_preds(test=[file, "gone.jpg"])


def test_what_is_saved_answers_as_the_learner(learn: df.Learner, photos: Path, tmp_path: Path) -> None:
    files = sorted((photos / "valid").glob("*/*"))
    folder, file = learn.save(tmp_path / "run"), learn.export(tmp_path / "run.defrost")
    expected = learn.get_preds(test=files).probabilities
    assert {"bundle.json", "model.safetensors", "history.csv", "report.html", "predictions.csv"} <= {
        path.name for path in folder.iterdir()
    }
    for model in [load_learner(folder), load_learner(file), pickle.loads(pickle.dumps(learn))]:
        assert model.task == "vision" and model.classes == learn.classes and model.plan.arch == "efficientnet_lite0"
        assert np.array_equal(model.get_preds(test=files).probabilities, expected)
        assert model.validate(photos)["accuracy"] == learn.validate()["accuracy"]
    assert model.predict(files[0]).familiarity is not None
    with pytest.raises(AttributeError, match="continued="):
        load_learner(file).fine_tune(1)
    with pytest.raises(df.ModelError, match="not a finished run"):
        load_learner(photos)


def test_the_rate_finder_changes_nothing(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn = vision_learner(photos, **SMALL)
    before = learn.state_dict()
    found = learn.lr_find(num_it=30)
    assert set(found) == {"valley", "slide", "steep", "minimum"} and "loss +" in capsys.readouterr().out
    assert found.valley is None or 1e-7 < found.valley < 10
    assert all(np.array_equal(before[name], tensor) for name, tensor in learn.state_dict().items())


def test_weights_go_both_ways(photos: Path) -> None:
    torch_like = vision_learner(photos, **SMALL)
    torch_like.fit(1, 1e-2)
    state = torch_like.state_dict()
    learn = vision_learner(photos, **SMALL).load_state_dict(state)
    assert all(np.array_equal(state[name], tensor) for name, tensor in learn.state_dict().items())
    body = {name.removeprefix("body."): tensor for name, tensor in state.items() if name.startswith("body.")}
    fresh = vision_learner(photos, weights=body, **SMALL)
    assert all(np.array_equal(state[name], tensor) for name, tensor in fresh.state_dict().items() if name.startswith("body."))
    short = {name: tensor for name, tensor in state.items() if name != "head.linear.weight"}
    with pytest.raises(df.WeightsError, match="head.linear.weight"):
        learn.load_state_dict(short)


def test_data_from_memory(pixels: tuple[np.ndarray, list[str]], photos: Path) -> None:
    images, labels = pixels
    of_array = vision_learner(images, labels, valid_pct=0.3, **SMALL)
    of_pairs = vision_learner(list(zip(images, labels)), valid_pct=0.3, **SMALL)
    files = sorted((photos / "train").glob("*/*"))
    of_files = vision_learner(files, labels, valid=[0, 1, 10, 11, 20, 21], **SMALL)
    for learn in [of_array, of_pairs]:
        learn.fit(1, 1e-2)
        assert len(learn.get_preds().targets) == 9
    assert np.array_equal(of_array.state_dict()["head.linear.weight"], of_pairs.state_dict()["head.linear.weight"])
    assert of_files.get_preds().targets.tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(df.DataError, match="there are 30 items and 2 labels"):
        vision_learner(images, labels[:2], **SMALL)
    with pytest.raises(df.DataError, match="each item is a pair"):
        vision_learner([1, 2, 3], **SMALL)


def test_labels_may_be_numbers_or_several(pixels: tuple[np.ndarray, list[str]]) -> None:
    images, labels = pixels
    numbers = vision_learner(images, [float(len(label)) for label in labels], **SMALL)
    numbers.fit(1, 1e-3)
    assert numbers.classes == [] and isinstance(numbers.predict(images[0]).label, float)
    several = vision_learner(images, [[label, "dark"] if place % 2 else [label] for place, label in enumerate(labels)], **SMALL)
    several.fit(1, 1e-2)
    assert several.classes == ["bag", "dark", "sandal", "trouser"] and isinstance(several.predict(images[0]).label, list)
    assert len(several.get_preds().targets[0]) >= 1


def test_wrong_arguments_say_what_is_right(photos: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'btach'; did you mean 'batch'"):
        vision_learner(photos, btach=8)
    with pytest.raises(df.ArgumentError, match='norm="loose": choose one of "keep", "batch", "adapt"'):
        vision_learner(photos, norm="loose")
    with pytest.raises(df.ArgumentError, match='(?s)no architecture `resnet81`.*help: did you mean "resnet18"'):
        vision_learner(photos, arch="resnet81")
    with pytest.raises(df.DataError, match="nowhere: no such folder"):
        vision_learner("nowhere")
    with pytest.raises(df.ArgumentError, match="valid, valid_pct: both say what validates"):
        vision_learner(photos, valid=[1], valid_pct=0.5)
    assert issubclass(df.DataError, ValueError) and issubclass(df.DataError, df.DefrostError)
