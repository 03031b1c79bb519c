"""Parts of training by themselves: measures, calibration, conformal prediction, isolation, files, rows, parameters."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import FunctionTransformer

from shared.compute import ComputeError

from ..app.engines.training import conformal
from ..app.engines.training.calibration import SIGMOID, calibrate, fit_calibrators, reliability, with_calibrators
from ..app.engines.training.families import FAMILIES
from ..app.engines.training.features import Feature
from ..app.engines.training.model_files import dump_model, load_model
from ..app.engines.training.pipelines import learning_rows, pipeline
from ..app.engines.training.profile import shares_in_bins, shares_of_levels
from ..app.engines.training.proposals import first_ones, next_ones
from ..app.engines.training.rows import table_of
from ..app.engines.training.scores import Said, measured, measures_of
from ..app.schemas.train_parameters import TrainParameters


class TestScores:
    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 4))
    def test_they_are_those_of_scikit_learn(self, seed: int, classes: int) -> None:
        random = np.random.default_rng(seed)
        y = np.r_[np.arange(classes), random.integers(0, classes, 12)]
        p = random.dirichlet(np.ones(classes), len(y)).round(2)
        p[:, -1] = 1 - p[:, :-1].sum(axis=1)
        weights = np.r_[np.ones(classes), random.integers(0, 3, 12)].astype(float)
        found = {name: m(Said(y, p), weights[None])[0] for name, m in measures_of(classifies=True).items()}
        named, more = p.argmax(axis=1), {"sample_weight": weights}
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, named, **more))
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, named, **more))
        assert found["f1_macro"] == pytest.approx(metrics.f1_score(y, named, average="macro", **more))
        areas = [metrics.roc_auc_score(y == k, p[:, k], **more) for k in range(classes)]
        assert found["roc_auc"] == pytest.approx(np.mean(areas))
        assert found["log_loss"] == pytest.approx(
            -np.average(np.log(np.clip(p[np.arange(len(y)), y], 1e-15, 1)), weights=weights)
        )

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1), st.floats(0.1, 100), st.floats(-1000, 1000))
    def test_r2_does_not_depend_on_units(self, seed: int, scale: float, shift: float) -> None:
        random = np.random.default_rng(seed)
        y, p, weights = random.normal(size=20), random.normal(size=20), np.ones((1, 20))
        r2 = measures_of(classifies=False)["r2"]
        assert r2(Said(y, p), weights)[0] == pytest.approx(metrics.r2_score(y, p))
        assert r2(Said(y * scale + shift, p * scale + shift), weights)[0] == pytest.approx(
            r2(Said(y, p), weights)[0], rel=1e-6
        )

    def test_intervals_narrow_with_the_rows(self) -> None:
        random = np.random.default_rng(0)
        widths = []
        for rows in (100, 1600, 25_600):
            y = random.integers(0, 2, rows)
            p = np.clip(y * 0.3 + random.random(rows) * 0.7, 0, 1)
            said = Said(y, np.column_stack([1 - p, p]))
            found = measured(said, np.arange(rows) % 5, 1, 0.95, classifies=True)["accuracy"]
            assert found["ci_low"] < found["value"] < found["ci_high"]
            widths.append(found["ci_high"] - found["ci_low"])
        assert widths[0] / widths[1] == pytest.approx(4, rel=0.4)
        assert widths[1] / widths[2] == pytest.approx(4, rel=0.4)


class TestCalibration:
    def test_it_is_that_of_scikit_learn(self) -> None:
        random = np.random.default_rng(4)
        x = random.normal(size=(300, 3))
        y = np.where(x[:, 0] + random.normal(size=300) > 0, 1, 0)
        folds = StratifiedKFold(3)
        theirs = CalibratedClassifierCV(LogisticRegression(), ensemble=False, cv=folds).fit(x, y)
        scores = cross_val_predict(LogisticRegression(), x, y, cv=folds, method="decision_function")[:, None]
        ours = with_calibrators(LogisticRegression().fit(x, y), SIGMOID, fit_calibrators(SIGMOID, scores, y, 2))
        assert ours.predict_proba(x) == pytest.approx(theirs.predict_proba(x), abs=1e-12)

    def test_overconfident_probabilities_are_drawn_in(self) -> None:
        random = np.random.default_rng(0)
        truth = random.uniform(0.2, 0.8, 3000)
        y = (random.random(3000) < truth).astype(np.int64)
        said = np.where(truth > 0.5, 0.99, 0.01) * 0.9 + truth * 0.1
        native, folds = np.column_stack([1 - said, said]), np.arange(3000) % 5
        made = calibrate(said[:, None], native, y, folds, 2)
        assert made.method != "none"
        assert reliability(made.probabilities, y, 2)[1] < 0.05 < reliability(native, y, 2)[1]
        honest = np.column_stack([1 - truth, truth])
        assert calibrate(truth[:, None], honest, y, folds, 2).method == "none"


class TestConformal:
    @pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
    def test_intervals_cover_new_rows(self, level: float) -> None:
        random = np.random.default_rng(5)
        covered = []
        for _ in range(200):
            predicted = random.normal(size=700)
            y = predicted + random.normal(size=700) * (1 + np.abs(predicted))
            made = conformal.conform_numbers(y[:600], predicted[:600], np.arange(600) % 5, level)
            covered.append(np.abs(y - predicted)[600:] <= conformal.half_widths(made, predicted[600:]))
        assert np.mean(covered) == pytest.approx(level, abs=0.02)

    def test_sets_cover_new_rows(self) -> None:
        random = np.random.default_rng(6)
        covered = []
        for _ in range(200):
            p = random.dirichlet([0.5, 0.5, 0.5], 500)
            y = (p.cumsum(axis=1) < random.random((500, 1))).sum(axis=1)
            made = conformal.conform_classes(y[:400], p[:400], np.arange(400) % 5, 0.9)
            covered.append(conformal.in_sets(made, p[400:])[np.arange(100), y[400:]])
        assert np.mean(covered) == pytest.approx(0.9, abs=0.02)

    def test_too_few_rows_for_the_level(self) -> None:
        made = conformal.conform_numbers(np.arange(5.0), np.zeros(5), np.arange(5) % 2, 0.9)
        assert made["widths"] == [None]


class TestFiles:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.parametrize("name", FAMILIES)
    def test_every_family_crosses(self, name: str, tmp_path: Path) -> None:
        random = np.random.default_rng(2)
        x = pd.DataFrame({"a": random.normal(size=80), "b": pd.Series(random.choice(["u", "v"], 80), dtype=object)})
        features = [Feature("a", "number", "numeric"), Feature("b", "string", "categorical", ("u", "v"))]
        for problem, made in FAMILIES[name].made_for.items():
            y = np.where(x["a"] > 0, "p", "q").astype(object) if problem == "classification" else x["a"].to_numpy()
            settings = {"max_iter": 5} if name == "boosting" else {}
            settings |= {"n_estimators": 5} if "n_estimators" in FAMILIES[name].space else {}
            model = pipeline(name, settings, problem, features, 3).fit(x, y)
            dump_model(model, tmp_path / "model.skops")
            path = tmp_path / "model.skops"
            for source in (path, path.read_bytes()):
                assert (load_model(source).predict(x) == model.predict(x)).all(), made

    def test_hostile_files(self, tmp_path: Path) -> None:
        path = tmp_path / "model.skops"
        for hostile in (FunctionTransformer(print), Evil(), {"a": np.load}):
            skops.io.dump(hostile, path)
            for source in (path, path.read_bytes()):
                with pytest.raises(ComputeError) as caught:
                    load_model(source)
                assert caught.value.code == "unsafe_model"

    @pytest.mark.parametrize("content", [b"", b"not a file", b"cos\nsystem\n(S'true'\ntR.", b"PK\x05\x06" + bytes(18)])
    def test_no_models(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "model.skops"
        path.write_bytes(content)
        with pytest.raises(ComputeError, match="unsafe_model"):
            load_model(path)

    def test_a_schema_that_names_a_function(self, tmp_path: Path) -> None:
        path = tmp_path / "model.skops"
        with zipfile.ZipFile(path, "w") as archive:
            node = '{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": "system"}'
            archive.writestr("schema.json", node[:-1] + ', "__id__": 1, "protocol": 2, "_skops_version": "0.16.0"}')
        with pytest.raises(ComputeError, match="unsafe_model"):
            load_model(path)


class Evil:
    """A type of nobody's list."""


FEATURES = [
    Feature("n", "integer", "numeric"),
    Feature("b", "boolean", "numeric"),
    Feature("t", "string", "categorical", ("u", "v")),
    Feature("d", "date", "date"),
    Feature("m", "datetime", "date"),
]


class TestRows:
    def test_what_fits(self) -> None:
        rows: list[dict[str, Any]] = [
            {"n": 1, "b": True, "t": "new", "d": "2026-01-31", "m": "2026-01-31T12:00:00+02:00", "old": 3},
            {"n": None, "d": "2026-01-31T05:00:00"},
            {"n": 10**400},
        ]
        found = table_of(rows, FEATURES, frozenset({"old"}))
        assert found.column("n").to_pylist() == [1.0, None, np.inf]
        assert found.column("m").to_pylist()[0].hour == 10
        assert found.column("d").to_pylist()[0] == found.column("d").to_pylist()[1]

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"n": "1"}, "Row 1: 'n' must be a number, not '1'"),
            ({"n": True}, "must be a number"),
            ({"b": 1}, "must be true or false"),
            ({"t": 5}, "must be a text"),
            ({"d": "soon"}, "must be a date"),
            ({"m": 5}, "must be a time"),
            ({"x": 5}, "knows no column 'x'"),
            ([], "is not an object"),
        ],
    )
    def test_what_does_not(self, row: Any, said: str) -> None:
        with pytest.raises(ComputeError, match=said) as caught:
            table_of([{}, row], FEATURES, frozenset())
        assert caught.value.code == "invalid_rows"


class TestProfile:
    def test_shares_add_up(self) -> None:
        found = shares_in_bins(np.r_[np.arange(100.0), np.nan])
        assert found["shares"] == pytest.approx([0.1] * 10)
        assert found["missing"] == pytest.approx(1 / 101)
        levels = shares_of_levels(["a", "a", "b", "c", None], ["a", "b"])
        assert (levels["shares"], levels["other"], levels["missing"]) == ([0.5, 0.25], 0.25, 0.2)


class TestProposals:
    def test_they_are_new_and_stay_in_the_space(self) -> None:
        first = first_ones(["boosting", "rbf_svm", "linear"])
        assert [one["algorithm"] for one in first[:3]] == ["boosting", "rbf_svm", "linear"]
        tried: set[str] = set()
        found = next_ones(first, tried, 40, np.random.default_rng(1))
        assert len(tried) == len(found) == 40
        assert found == next_ones(first, set(), 40, np.random.default_rng(1))
        rates = [one["settings"]["learning_rate"] for one in found if "learning_rate" in one["settings"]]
        assert min(rates) >= 0.01
        assert max(rates) <= 0.3

    def test_a_small_sample_has_every_class(self) -> None:
        y = np.r_[np.zeros(500), np.ones(1)].astype(np.int64)
        rows = learning_rows("tree", y, np.arange(501), 50, 0)
        assert 500 in rows
        assert len(rows) <= 51


class TestParameters:
    @pytest.mark.parametrize(
        "change",
        [
            {"budget_seconds": 0}, {"budget_seconds": 1e9}, {"max_candidates": 10**9}, {"folds": 1}, {"level": 1},
            {"features": []}, {"features": ["y"]}, {"features": ["a", "a"]}, {"algorithm": "magic"}, {"n_jobs": -1},
            {"n_estimators": 10**9}, {"problem": "forecast"}, {"time": "t"}, {"algorithm": "arima"},
            {"problem": "regression", "metric": "roc_auc"}, {"problem": "forecast", "time": "t", "features": ["a"]},
            {"problem": "forecast", "time": "y"}, {"problem": "forecast", "time": "t", "algorithm": "tree"},
        ],
    )  # fmt: skip
    def test_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            TrainParameters.model_validate({"target": "y", **change})
