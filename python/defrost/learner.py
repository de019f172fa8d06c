"""The learner: a pretrained network, data, and training with fastai's words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _defrost, convert
from .advice import Advice, SuggestedLRs
from .callback import Callback, Events
from .convert import Rate
from .display import Figure, Page, Png, Progress, examples_html, examples_text, show_or_return
from .errors import ArgumentError, CancelFitException, ModelError
from .interpret import Interpretation
from .model import unpickled
from .plan import Plan
from .predictor import ITEMS, Predictions, Predictor, targets
from .recorder import Recorder

__all__ = ["Learner"]


class Learner(Predictor):
    """Trains a network on data, layer group by layer group. :func:`~defrost.vision.vision_learner`,
    :func:`~defrost.text.text_learner` and :func:`~defrost.tabular.tabular_learner` make one.

    Over a pretrained network it starts frozen: only the new head trains.

    Attributes:
        recorder: What was measured so far.
        cbs: Its callbacks.
        lr: The rate of ``fit`` where none is given.
        task: ``vision``, ``text`` or ``table``.
    """

    def __init__(
        self,
        inner: Any,
        events: Events,
        *,
        task: str,
        name: str,
        metrics: Sequence[str] | None = None,
        cbs: Iterable[Callback] | Callback | None = None,
        recipe: str = "auto",
        progress: bool = True,
        kept: Sequence[Any] = (),
    ) -> None:
        self._inner, self.task, self._name, self._recipe = inner, task, name, recipe
        self._kept = list(kept)
        self._shown = metrics
        self.recorder = Recorder(metrics)
        self.cbs: list[Callback] = []
        self.add_cbs(cbs)
        self.lr = 1e-3
        self.progress = progress
        self._calls: list[str] = []
        self._during: list[Callback] = []
        self._progress = Progress(self, False)
        self.phase, self.epoch, self.n_epoch, self.iter, self.n_iter, self.loss = "", 0, 0, 0, 0, 0.0
        events.attach(self)

    # What is frozen

    @property
    def plan(self) -> Plan:
        """What is frozen, what trains, and the phases that have run."""
        return Plan(self._inner.summary())

    def summary(self) -> Plan:
        """The plan: layer groups with their stages, parameters, and whether they train."""
        return self.plan

    @property
    def notes(self) -> list[str]:
        """What you should know of how the data was read: items that are left out, which weights were taken."""
        return list(self._inner.notes())

    def freeze_to(self, n: int) -> Learner:
        """Freezes the layer groups before ``n``; negative numbers count from the end (fastai's).

        Raises:
            ArgumentError: If there is no such group; the text lists the groups.
        """
        self._inner.freeze_to(n)
        return self

    def freeze(self) -> Learner:
        """Freezes all layer groups but the head."""
        self._inner.freeze()
        return self

    def unfreeze(self) -> Learner:
        """Thaws all layer groups."""
        self._inner.unfreeze()
        return self

    def train_only(self, *groups: str | int) -> Learner:
        """Trains these layer groups, by index or name, and no others."""
        self._inner.train_only([str(group) for group in groups])
        return self

    # Training

    def add_cbs(self, cbs: Iterable[Callback] | Callback | None) -> Learner:
        """Adds callbacks for all training from now on; a class is made an instance."""
        given = [] if cbs is None else [cbs] if isinstance(cbs, (Callback, type)) else list(cbs)
        for callback in given:
            made = callback() if isinstance(callback, type) else callback
            made.learn = self
            self.cbs.append(made)
        return self

    def remove_cbs(self, cbs: Iterable[Callback] | Callback) -> Learner:
        """Removes callbacks, given themselves or as their classes."""
        given = [cbs] if isinstance(cbs, (Callback, type)) else list(cbs)
        self.cbs = [one for one in self.cbs if not any(one is other or type(one) is other for other in given)]
        return self

    def _callbacks(self) -> list[Any]:
        return [*self.cbs, *self._during, self._progress]

    def _train(self, call: str, train: Callable[[], None], cbs: Iterable[Callback] | Callback | None = None) -> None:
        """Trains with these callbacks, too, and a table of epochs."""
        before = list(self.cbs)
        self.add_cbs(cbs)
        self.cbs, self._during = before, self.cbs[len(before) :]
        self._progress = Progress(self, self.progress)
        self._calls.append(call)
        try:
            train()
        except CancelFitException:
            for callback in self._callbacks():
                if isinstance(callback, Callback):
                    callback.after_fit()
        finally:
            self._progress.end()
            self._progress, self._during = Progress(self, False), []

    def fit(self, n_epoch: int, lr: Rate | None = None, cbs: Iterable[Callback] | Callback | None = None) -> None:
        """Trains under the current plan at constant rates.

        Args:
            n_epoch: Passes over the training items.
            lr: One rate for all layer groups, ``slice(high)`` (a tenth for all but the last), ``slice(low, high)``, or a rate for each.
            cbs: Callbacks for this call alone.
        """
        rates = convert.rate(self.lr if lr is None else lr)
        self._train(f"fit({n_epoch}, {rates})", lambda: self._inner.fit(n_epoch, rates), cbs)

    def fit_one_cycle(
        self,
        n_epoch: int,
        lr_max: Rate | None = None,
        div: float = 25.0,
        div_final: float = 1e5,
        pct_start: float = 0.25,
        moms: tuple[float, float, float] = (0.95, 0.85, 0.95),
        cbs: Iterable[Callback] | Callback | None = None,
    ) -> None:
        """Trains under the current plan, warming up and annealing (arXiv 1708.07120).

        Args:
            n_epoch: Passes over the training items.
            lr_max: The highest rates, as ``fit`` takes them.
            div: The first rate is the highest over this.
            div_final: The last rate is the highest over this.
            pct_start: The fraction of the training that warms up.
            moms: Momentum at the start, at the highest rate, at the end.
            cbs: Callbacks for this call alone.
        """
        rates = convert.rate(self.lr if lr_max is None else lr_max, "lr_max")
        shape, momentum = (div, div_final, pct_start), list(moms)
        self._train(f"fit_one_cycle({n_epoch}, {rates})", lambda: self._inner.fit_one_cycle(n_epoch, rates, shape, momentum), cbs)

    def fit_flat_cos(
        self,
        n_epoch: int,
        lr: Rate | None = None,
        div_final: float = 1e5,
        pct_start: float = 0.75,
        cbs: Iterable[Callback] | Callback | None = None,
    ) -> None:
        """Trains under the current plan, flat for ``pct_start`` of it, then annealing."""
        rates = convert.rate(self.lr if lr is None else lr)
        self._train(
            f"fit_flat_cos({n_epoch}, {rates})", lambda: self._inner.fit_flat_cos(n_epoch, rates, div_final, pct_start), cbs
        )

    def fit_sgdr(
        self,
        n_cycles: int,
        cycle_len: int,
        lr_max: Rate | None = None,
        cycle_mult: int = 2,
        cbs: Iterable[Callback] | Callback | None = None,
    ) -> None:
        """Trains under the current plan in cosine cycles (arXiv 1608.03983), each ``cycle_mult`` times as long as the one before."""
        rates = convert.rate(self.lr if lr_max is None else lr_max, "lr_max")
        self._train(
            f"fit_sgdr({n_cycles}, {cycle_len}, {rates})",
            lambda: self._inner.fit_sgdr(n_cycles, cycle_len, rates, cycle_mult),
            cbs,
        )

    def fine_tune(
        self,
        epochs: int,
        base_lr: Rate = 2e-3,
        freeze_epochs: int = 1,
        lr_mult: float = 100.0,
        pct_start: float = 0.3,
        div: float = 5.0,
        cbs: Iterable[Callback] | Callback | None = None,
    ) -> None:
        """fastai's recipe: trains the head on the frozen body, then everything at lower rates.

        Unlike fastai, it ends with the weights of the best epoch of both phases.

        Args:
            epochs: Passes with everything thawed.
            base_lr: The head's rate in the frozen phase; the thawed phase takes half of it.
            freeze_epochs: Passes with a frozen body.
            lr_mult: The first layer group trains at the last one's rate over this.
            pct_start: The fraction of the thawed phase that warms up.
            div: The thawed phase's first rate is its highest over this.
            cbs: Callbacks for this call alone.
        """
        rates, shape = convert.rate(base_lr, "base_lr"), (lr_mult, pct_start, div)
        self._train(f"fine_tune({epochs}, {rates})", lambda: self._inner.fine_tune(epochs, rates, freeze_epochs, shape), cbs)

    def train(
        self,
        epochs: int | None = None,
        *,
        freeze_epochs: int | None = None,
        lr: Rate | None = None,
        thaw: Iterable[str | int] | None = None,
        recipe: str | None = None,
        out: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
        resume_anyway: bool = False,
        cbs: Iterable[Callback] | Callback | None = None,
    ) -> None:
        """Trains as the command ``defrost train`` does, with the same result to the byte.

        The best head on the frozen body is computed directly, then the body is thawed, and the better of the two is kept;
        :attr:`decision` says which and why.

        Args:
            epochs: Passes with everything thawed; by default the network's own number.
            freeze_epochs: Trains the head for this many epochs instead of computing it.
            lr: Rates in place of the network's own.
            thaw: The layer groups that train in the second phase, by index or name; by default all.
            recipe: ``"auto"``, or ``"fastai"`` for fastai's ``fine_tune``; by default that of the learner.
            out: A folder that the finished run is saved in. While training runs, a checkpoint is kept there.
            resume: The folder of an interrupted run that goes on, in a learner made as the run's was.
            resume_anyway: Resumes although items, weights, threads or kernels have changed.
            cbs: Callbacks for this call alone.

        Raises:
            KeyboardInterrupt: After Ctrl-C, when the running batch is done and a checkpoint is written.
            ModelError: If the folder holds a finished run, or no checkpoint that fits.
        """
        if out is not None and resume is not None:
            raise ArgumentError("out, resume: a run goes on in its own folder; leave out out")
        given_folder = out if resume is None else resume
        folder = None if given_folder is None else Path(os.fspath(given_folder))
        if folder is not None and (folder / "bundle.json").exists():
            raise ModelError(f"{folder}: there is a finished run in it; choose another folder or remove it")
        if out is not None and folder is not None:
            if (folder / "checkpoint" / "checkpoint.json").exists():
                raise ModelError(f"{folder}: there is an unfinished run in it\nhelp: resume={str(folder)!r} goes on with it")
            folder.mkdir(parents=True, exist_ok=True)
        options = {
            "epochs": epochs,
            "freeze_epochs": freeze_epochs,
            "lr": None if lr is None else convert.rate(lr),
            "thaw": None if thaw is None else [str(group) for group in thaw],
            "recipe": self._recipe if recipe is None else recipe,
        }
        checkpoints = None if folder is None else str(folder / "checkpoint")
        given = ", ".join(f"{name}={value!r}" for name, value in options.items() if value is not None)
        saved = False
        try:
            self._train(
                f"train({given})", lambda: self._inner.train(options, checkpoints, resume is not None, resume_anyway), cbs
            )
            if folder is not None:
                self.save(folder)
                saved = True
        finally:
            if folder is not None:
                self._inner.end_checkpoints(saved)

    @property
    def decision(self) -> dict[str, Any] | None:
        """Why the frozen or the thawed network was kept, if :meth:`train` decided that: ``kept``, ``reason``, measurements."""
        found: dict[str, Any] | None = self._inner.decision()
        return found

    @property
    def best(self) -> dict[str, Any] | None:
        """The epoch that the weights are of, after :meth:`train` or :meth:`fine_tune`."""
        found: dict[str, Any] | None = self._inner.history()[1]
        return found

    def lr_find(self, start_lr: float = 1e-7, end_lr: float = 10.0, num_it: int = 100, *, show_plot: bool = True) -> SuggestedLRs:
        """Tries rising rates under the current plan and suggests some. Afterwards everything is as it was, random draws included.

        Args:
            start_lr: The first rate.
            end_lr: The last rate.
            num_it: How many rates, one a batch.
            show_plot: Whether to show the curve.

        Returns:
            The suggestions: ``learn.lr_find().valley`` is the one to use.
        """
        found, svg, sketch = self._inner.lr_find(start_lr, end_lr, num_it)
        suggestions = dict(found["suggestions"])
        why = suggestions.pop("why", None)
        suggested = SuggestedLRs(suggestions)
        object.__setattr__(suggested, "why", why)
        if show_plot:
            show_or_return(Figure(svg, sketch + (f"no suggestion: {why}" if why else "")), True)
        return suggested

    def advise(self, budget: float | None = None, *, show: bool = True) -> Advice:
        """Measures what to freeze, where to cut, and whether more data would help. The learner stays as it is.

        Args:
            budget: Seconds it may take; by default about as long as a training.
            show: Whether to show the advice.

        Returns:
            The advice: its sentences, the plan, and all measurements.
        """
        self._progress = Progress(self, self.progress)
        try:
            found, page = self._inner.advise(budget, ITEMS[self.task])
        finally:
            self._progress.end()
            self._progress = Progress(self, False)
        advice = Advice(found, page)
        if show:
            show_or_return(advice, True)
        return advice

    # Results

    def validate(self) -> dict[str, float]:
        """Loss and metrics on the validation items, by name: ``valid_loss`` first."""
        _, measured = self._inner.evaluate()
        shown = measured["metrics"] if self._shown is None else {name: measured["metrics"].get(name) for name in self._shown}
        return {"valid_loss": measured["loss"], **shown}

    def get_preds(self, *, test: Any = None, with_decoded: bool = False) -> Predictions:
        """Predictions for the validation items, or for ``test``.

        Args:
            test: Items as :meth:`predict` takes them: a list, an array, a frame of rows.
            with_decoded: Whether to name the predicted classes, too.

        Returns:
            The predictions, which unpack as ``probabilities, targets, decoded``.

        Examples:
            >>> probabilities, targets, _ = learn.get_preds()  # doctest: +SKIP
        """
        if test is not None:
            return self._get_preds(test, with_decoded)
        scores, measured = self._inner.evaluate()
        probabilities, classes = convert.array(scores), self.classes
        decoded: list[Any] | None = None
        if with_decoded and not classes:
            decoded = probabilities[:, 0].tolist()
        elif with_decoded and self._is_class:
            decoded = [classes[place] for place in probabilities.argmax(axis=1)]
        elif with_decoded:
            decoded = [[name for name, value in zip(classes, row) if value >= 0.5] for row in probabilities]
        return Predictions(probabilities, targets(measured), decoded)

    def interpret(self) -> Interpretation:
        """The validation items in detail: confused classes, highest losses, metrics of each class."""
        return Interpretation(self._inner.interpret(), self.classes)

    def plot_confusion_matrix(self, normalize: bool = False, *, show: bool = True) -> Figure | None:
        """Shows how many validation items of each class were predicted as each class; ``show=False`` returns the figure."""
        return self.interpret().plot_confusion_matrix(normalize, show=show)

    def plot_top_losses(self, k: int = 9, *, show: bool = True) -> Figure | None:
        """Shows the validation items with the highest losses, at most 12. In images, orange areas support the prediction."""
        return self.interpret().plot_top_losses(k, show=show)

    def show_results(self, max_n: int = 9, *, show: bool = True) -> Figure | None:
        """Shows validation items with labels and predictions: the most confident correct ones, then the highest losses."""
        found = self.interpret().report
        half = max_n // 2
        examples = [*found["surest"][: max_n - half], *found["worst"][:half]]
        return show_or_return(Figure(examples_html(examples, self.classes), examples_text(examples)), show)

    def show_batch(self, *, show: bool = True) -> Figure | None:
        """Shows the first training batch as the network sees it; ``show=False`` returns the figure.

        Raises:
            ArgumentError: If the items are no images.
        """
        figure = Png(self._inner.batch_image(), "an image of the first batch; show=False returns it, and .save(path) writes it")
        return show_or_return(figure, show)

    def report(self) -> Page:
        """The report of the training so far: plan, curves, metrics, errors. It shows itself in a notebook; ``.save(path)`` writes it."""
        return Page(self._inner.report(self._words()))

    def _words(self) -> dict[str, str]:
        return {"name": self._name, "items": ITEMS[self.task], "calls": "\n".join(self._calls) or "(not trained)"}

    # Saving

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Saves the run into a folder, as ``defrost train`` does: the network, its description, history, predictions and report.

        Returns:
            The folder, for :func:`load_learner` and for all commands of ``defrost``.
        """
        into = Path(os.fspath(folder))
        self._inner.save(str(into))
        self._inner.write_report(str(into), self._words())
        return into

    def export(self, file: str | os.PathLike[str]) -> Path:
        """Writes the run into one file: ``.defrost`` for :func:`load_learner`, ``.onnx`` for other programs.

        Raises:
            ModelError: If it can't be written, or a part of the network has no ONNX graph.
        """
        path = Path(os.fspath(file))
        with tempfile.TemporaryDirectory(prefix="defrost-") as folder:
            self.save(folder)
            if path.suffix == ".onnx":
                _defrost.Model.open(folder).export(str(path))
            else:
                _defrost.pack(folder, str(path))
        return path

    def load_state_dict(self, state: Mapping[str, Any]) -> Learner:
        """Takes these tensors in place of the network's own: arrays of numpy's, tensors of PyTorch's.

        Raises:
            WeightsError: If one is missing or of another shape; the text lists the first.
        """
        self._inner.load_state([(name, convert.floats(tensor)) for name, tensor in state.items()])
        return self

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        """A learner is pickled as its saved model, which predicts and does not train."""
        with tempfile.TemporaryDirectory(prefix="defrost-") as folder:
            return unpickled, (self.export(Path(folder) / "model.defrost").read_bytes(),)

    def __repr__(self) -> str:
        plan = self.plan
        frozen = f"groups {', '.join(map(str, plan.frozen))} frozen" if plan.frozen else "nothing frozen"
        return f"<Learner of {ITEMS[self.task]}: {plan.arch}, {frozen}, epochs trained: {len(self.recorder.records)}>"
