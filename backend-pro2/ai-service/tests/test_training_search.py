"""The search by itself: what is tried on how many rows, what several candidates together are worth, what is kept."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ..app.engines.training import search
from ..app.engines.training.candidates import Candidate, Plan, finish_seconds, foreseen, promise_of, slopes_of, various
from ..app.engines.training.data import TrainingData
from ..app.engines.training.ensemble import ensemble_of
from ..app.engines.training.families import FAMILIES, families_for
from ..app.engines.training.features import Feature
from ..app.engines.training.model_files import dump_model, load_model
from ..app.engines.training.pipelines import pipeline
from ..app.engines.training.proposals import next_ones
from ..app.engines.training.search import Search
from .training_support import trained, unforked

FEATURES = [Feature("a", "number", "numeric"), Feature("b", "number", "numeric")]


def data_of(y: Any, classes: tuple[str, ...] = ()) -> TrainingData:
    """Data whose features nobody looks at."""
    problem = "classification" if classes else "regression"
    x = pd.DataFrame({"a": np.zeros(len(y))})
    return TrainingData(x, y, classes, problem, "number", tuple(FEATURES), (), (), len(y), 0)


def compared(algorithm: str, loss: float, rows: int = 100, seconds: float = 1.0, **more: Any) -> Candidate:
    """A candidate of which this is known."""
    return Candidate(
        algorithm, {"of": loss}, rows, means={"log_loss": loss}, fit_seconds=seconds, seconds=seconds, **more
    )


class TestForesight:
    def test_a_fit_takes_longer_with_more_rows_and_less_with_fewer(self) -> None:
        one = compared("boosting", 0.1, rows=20_000, seconds=2.0)
        longer, _ = foreseen(one, 90_000, 90_000, 3)
        assert longer == pytest.approx(2 * 3**1.1)
        shorter, _ = foreseen(one, 4_000, 90_000, 3)
        assert shorter == pytest.approx(2 * 0.2**1.1)

    def test_families_that_take_few_rows_take_no_longer(self) -> None:
        fit, _ = foreseen(compared("rbf_svm", 0.1, rows=20_000), 90_000, 90_000, 3)
        assert fit == pytest.approx(1)

    def test_two_threads_need_two_rounds_for_three_folds(self) -> None:
        one = compared("tree", 0.1, rows=60_000)
        shared: dict[str, Any] = {}
        times = [
            finish_seconds(
                one, 90_000, Plan(["tree"], "log_loss", 9, [(0, 0)] * 3, shared, 0, _no, _keep, 0, n), 90_000
            )
            for n in (1, 2, 3)
        ]
        assert times[0] - times[1] == pytest.approx(times[1] - times[2])

    def test_what_more_rows_promise(self) -> None:
        few, many = compared("tree", 0.5, rows=4_000), compared("tree", 0.3, rows=20_000)
        many.settings = few.settings
        slopes = slopes_of([few, compared("forest", 0.9, rows=4_000), many], "log_loss")
        assert slopes == {"tree": pytest.approx(0.2 / np.log(5))}
        assert promise_of(many, 100_000, slopes, "log_loss") == pytest.approx(0.2)
        assert promise_of(many, 4_000, slopes, "log_loss") == pytest.approx(0.5)
        full = compared("rbf_svm", 0.4, rows=20_000)
        assert promise_of(full, 100_000, {"rbf_svm": 1.0}, "log_loss") == 0.4

    def test_not_all_of_one_family(self) -> None:
        found = various([compared(name, 0.1) for name in ("tree", "tree", "forest", "forest", "tree")], of_best=2)
        assert [one.algorithm for one in found] == ["tree", "tree", "forest"]


def _no(_best: Candidate | None) -> float:
    return 0.0


def _keep(_one: Candidate) -> None:
    return None


class Rows:
    """Stands in for the fits: says how good and how slow each candidate is with so many rows, and notes them."""

    name, cpus = "pretended", 2

    def __init__(self, loss: Callable[[str, int], float], seconds: Callable[[str, int], float]) -> None:
        self.loss, self.seconds, self.now = loss, seconds, 0.0
        self.asked: list[tuple[str, int, bool]] = []

    def map(
        self, _function: str, items: Sequence[Mapping[str, Any]], shared: Mapping[str, Any], _tell: Any, **_more: Any
    ) -> list[dict[str, Any]]:
        """As Executor, on a clock of its own."""
        answers = []
        for item in items:
            rows = min(item["rows"], FAMILIES[item["algorithm"]].rows)
            took = self.seconds(item["algorithm"], rows) * len(item["folds"])
            self.asked.append((item["algorithm"], item["rows"], item["whole"]))
            late = self.now + took / 2 > shared["until"]
            self.now = min(self.now + took / 2, shared["until"])
            said = {"loss": self.loss(item["algorithm"], rows), "seconds": took / len(item["folds"])}
            answers.append({"cut": "late"} if late else {"answers": [said] * len(item["folds"])})
        return answers


def searched(rows: Rows, total: int, budget: float, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Search:
    """A search over pretended fits of `total` rows on two threads."""
    folds = [(np.arange(total), np.arange(start, total, 3)) for start in range(3)]
    plan = Plan(
        families_for("classification", "auto", total), "log_loss", more.pop("most", 60), folds,
        {"memory_bytes": 1 << 40}, budget, lambda _best: 1.0, more.pop("keep", _keep), 0, 2,
    )  # fmt: skip

    def fill(self: Search, one: Candidate, answers: Sequence[Any], _folds: Any) -> None:
        if "cut" in answers[0]:
            one.cut = answers[0]["cut"]
            return
        said = answers[0]["answers"][0]
        one.means, one.fit_seconds, one.seconds = {"log_loss": said["loss"]}, said["seconds"], said["seconds"]

    monkeypatch.setattr(search, "monotonic", lambda: rows.now)
    monkeypatch.setattr(Search, "_fill", fill)
    made = Search(plan, data_of(np.zeros(total, dtype=np.int64), ("a", "b")), lambda *_: None)
    made.run(rows)  # type: ignore[arg-type]
    return made


def gets_better(name: str, rows: int) -> float:
    """Boosting is hardly better than the logistic regression on few rows and far better on many."""
    if name == "boosting":
        return 0.29 - 0.04 * math.log10(rows / 1000)
    return {"logistic": 0.27, "baseline": 0.7}.get(name, 0.5)


class TestManyRows:
    def test_the_best_learns_from_all_rows_in_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = Rows(gets_better, lambda _name, count: count / 20_000)
        made = searched(rows, 75_000, 60, monkeypatch)
        assert (made.ranked[0].algorithm, made.ranked[0].rows) == ("boosting", 75_000)
        assert rows.now < 60 - 1.7 * 75_000 / 20_000
        first = [name for name, count, whole in rows.asked if not whole and count == 4_000]
        assert first.index("boosting") < 3
        assert len({name for name, count, _ in rows.asked if count == 20_000}) > 1

    def test_more_rows_than_there_is_time_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = Rows(gets_better, lambda name, count: count / (1_000 if name == "boosting" else 50_000))
        made = searched(rows, 75_000, 60, monkeypatch)
        assert made.ranked[0].algorithm == "boosting"
        assert 4_000 <= made.ranked[0].rows < 75_000
        assert rows.now <= 60

    def test_what_is_slow_is_cut_and_does_not_stop_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = Rows(gets_better, lambda name, count: 500 if name == "neighbours" else count / 20_000)
        made = searched(rows, 75_000, 60, monkeypatch)
        assert made.ranked[0].algorithm == "boosting"
        assert [one.cut for one in made.partly if one.algorithm == "neighbours"] == ["late"]
        assert next(one.cut for one in made.partly if one.algorithm == "forest") is None

    def test_what_was_good_on_few_rows_alone_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def loss(name: str, count: int) -> float:
            return (0.1 if count == 4_000 else 0.4) if name == "neighbours" else gets_better(name, count)

        rows = Rows(loss, lambda _name, count: count / 20_000)
        searched(rows, 75_000, 60, monkeypatch)
        finished = [name for name, count, whole in rows.asked if whole and count > 4_000 and name != "baseline"]
        assert finished[0] == "boosting"

    def test_something_is_kept_early(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept: list[str] = []
        rows = Rows(gets_better, lambda _name, count: count / 20_000)
        searched(rows, 75_000, 60, monkeypatch, keep=lambda one: kept.append(one.algorithm))
        assert kept[:2] == ["baseline", "logistic"]

    def test_a_plan_that_is_through_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = Rows(gets_better, lambda _name, count: count / 20_000)
        made = searched(rows, 75_000, 6_000, monkeypatch, most=15)
        assert (made.tried, made.exhausted) == (15, False)


class TestEnsemble:
    def test_two_that_err_differently_are_better_together(self) -> None:
        random = np.random.default_rng(0)
        y, marks = random.normal(size=400), np.arange(400) % 4
        spreads = {"ridge": 0.5, "tree": 0.5, "lasso": 5.0}
        said = {name: y + random.normal(scale=spread, size=400) for name, spread in spreads.items()}
        ranked = [compared(name, 0, 400, scores=scores) for name, scores in said.items()]
        for one in ranked:
            one.means["r2"] = float(1 - np.mean((y - said[one.algorithm]) ** 2) / y.var())
        made = ensemble_of(ranked, data_of(y), "r2", marks, monotonic() + 99)
        assert made is not None
        weights = {one["algorithm"]: one["weight"] for one in made.settings["members"]}
        assert weights["ridge"] == pytest.approx(weights["tree"], abs=0.2)
        assert weights.get("lasso", 0) < 0.1
        assert made.means["r2"] > ranked[0].means["r2"]
        assert made.fit_seconds == len(weights)
        assert ensemble_of(ranked, data_of(y), "r2", marks, monotonic() - 1) is None

    def test_what_adds_nothing_is_not_taken(self) -> None:
        y, marks = np.arange(100.0), np.arange(100) % 4
        ranked = [compared("ridge", 0, scores=y), compared("tree", 0, scores=y + np.sin(y))]
        for one, value in zip(ranked, (1.0, 0.9), strict=True):
            one.means["r2"] = value
        assert ensemble_of(ranked, data_of(y), "r2", marks, monotonic() + 99) is None

    def test_one_that_knows_no_probabilities_stays_out(self) -> None:
        y = np.arange(60) % 2
        native = np.full((60, 2), 0.5)
        ranked = [compared("linear_svm", 0.1, 60), compared("tree", 0.6, 60, native=native)]
        assert ensemble_of(ranked, data_of(y, ("a", "b")), "log_loss", y, monotonic() + 99) is None

    @pytest.mark.parametrize("problem", ["classification", "regression"])
    def test_it_is_the_weighted_mean_of_its_members_and_crosses(self, problem: str, tmp_path: Path) -> None:
        random = np.random.default_rng(3)
        x = pd.DataFrame({"a": random.normal(size=250), "b": random.normal(size=250)})
        y = np.where(x["a"] > 0, "p", "q").astype(object) if problem == "classification" else x["a"].to_numpy()
        names = ("logistic", "tree") if problem == "classification" else ("ridge", "tree")
        bent: dict[str, Any] = {"scale": "splines"}
        members = [
            {"algorithm": names[0], "settings": bent, "weight": 0.75},
            {"algorithm": names[1], "settings": {}, "weight": 0.25},
        ]
        model: Any = pipeline("ensemble", {"members": members}, problem, FEATURES, 3).fit(x, y)
        parts = [pipeline(one["algorithm"], one["settings"], problem, FEATURES, 3).fit(x, y) for one in members]  # type: ignore[arg-type]
        say = "predict_proba" if problem == "classification" else "predict"
        mean = 0.75 * getattr(parts[0], say)(x) + 0.25 * getattr(parts[1], say)(x)
        assert getattr(model, say)(x) == pytest.approx(mean)
        dump_model(model, tmp_path / "model.skops")
        assert (load_model(tmp_path / "model.skops").predict(x) == model.predict(x)).all()

    def test_a_training_weighs_together_and_serves_it(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        a, b, c = random.normal(size=(3, 300))
        y = 2 * a + np.where((b > 0) & (c > 0), 2, 0) + random.normal(size=300) * 0.7
        table = pa.table({"a": a, "b": b, "c": c, "y": y})
        parameters = {"target": "y", "budget_seconds": 600, "max_candidates": 9, "folds": 3}
        with unforked():
            answer, served = trained(tmp_path, table, parameters, threads=2)
        assert answer["summary"]["algorithm"] == "ensemble"
        members = answer["summary"]["parameters"]["members"]
        assert sum(one["weight"] for one in members) == pytest.approx(1, abs=1e-3)
        assert answer["model"]["leaderboard"][0]["algorithm"] == "ensemble"
        assert answer["summary"]["candidates"] == 9
        assert answer["model"]["importance"]
        said = served.predict([{"a": -1.0, "b": -1.0, "c": 0.0}, {"a": 1.0, "b": 1.0, "c": 1.0}])
        assert said[0]["value"] < said[1]["value"] < said[1]["interval"]["high"]


class TestProposals:
    def test_a_direction_is_tried_both_ways(self) -> None:
        parent = {"algorithm": "ridge", "settings": {"alpha": 1.0}}
        mirrored = 0
        for seed in range(20):
            one, two = next_ones([parent], set(), 2, np.random.default_rng(seed), 0.1)
            product = one["settings"].get("alpha", 1) * two["settings"].get("alpha", 1)
            mirrored += product == pytest.approx(1, rel=0.01) and one["settings"].get("alpha") != 1
        assert mirrored > 5

    def test_smaller_steps_stay_nearer(self) -> None:
        parent = {"algorithm": "boosting", "settings": dict.fromkeys(("max_leaf_nodes", "min_samples_leaf"), 20)}
        spreads = []
        for step in (0.3, 0.03):
            found = next_ones([parent], set(), 60, np.random.default_rng(0), step)
            spreads.append(np.median([abs(np.log(one["settings"]["max_leaf_nodes"] / 20)) for one in found]))
        assert spreads[1] <= spreads[0]
