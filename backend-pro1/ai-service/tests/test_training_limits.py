"""What a training keeps to: a model whatever comes, probabilities that are some, families that suit, and its memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shared.compute import ComputeError

from ..app.engines.training import evaluation, refit, training
from ..app.engines.training.calibration import NONE, SIGMOID, calibrate
from ..app.engines.training.families import families_for
from ..app.engines.training.run import _bounded
from ..app.schemas.train_parameters import TrainParameters
from .training_support import mixed, trained, unforked


class TestKept:
    def test_the_early_model_stands_in_for_one_that_cannot_be_fitted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[str] = []

        def only_first(orders: Sequence[refit.Order], *rest: Any) -> int | None:
            made.append(orders[0].candidate.algorithm)
            return refit.refit(orders, *rest) if len(made) == 1 else None

        monkeypatch.setattr(training, "refit", only_first)
        with unforked():
            parameters = {"target": "large", "features": ["x", "kind"], "budget_seconds": 600, "max_candidates": 6}
            answer, served = trained(tmp_path, mixed(), parameters, threads=2)
        assert len(made) == 2
        assert answer["summary"]["algorithm"] == "logistic"
        assert "refit_cut" in [warning["code"] for warning in answer["warnings"]]
        assert served.predict([{"x": 3.0, "kind": "a"}])[0]["value"] == "yes"


class TestNone:
    @pytest.mark.parametrize(
        ("cut", "said"),
        [("memory", "more memory than 1536 MB"), ("crashed", "can be fitted"), ("late", "within 600 seconds")],
    )
    def test_the_error_says_what_became_of_the_candidates(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str, said: str
    ) -> None:
        parameters = {"target": "large", "features": ["x"], "algorithm": "logistic", "budget_seconds": 600}
        with unforked(), pytest.raises(ComputeError) as failure:
            monkeypatch.setattr(evaluation, "isolated", lambda *_: {"cut": cut})
            trained(tmp_path, mixed(), parameters)
        assert (failure.value.code, said in failure.value.detail) == ("budget_too_small", True)


class TestSense:
    def test_zero_is_no_probability(self) -> None:
        y, marks = np.arange(200) % 2, np.arange(200) // 2 % 4
        sure = np.column_stack([1.0 - y, y]).astype(float)
        assert calibrate(sure[:, 1:], sure, y, marks, 2).method == SIGMOID
        nearly = np.clip(sure, 1e-4, 1 - 1e-4)
        assert calibrate(nearly[:, 1:], nearly, y, marks, 2).method == NONE

    def test_balanced_classes_change_what_is_named_and_not_the_probabilities(self, tmp_path: Path) -> None:
        random = np.random.default_rng(5)
        x = random.normal(size=1000)
        table = pa.table({"x": x, "y": np.where(x + random.normal(size=1000) > 3, "rare", "usual")})
        named, probable, scores = [], [], []
        for weight in ("none", "balanced"):
            parameters = {"target": "y", "algorithm": "logistic", "metric": "balanced_accuracy", "class_weight": weight,
                          "budget_seconds": 600, "max_candidates": 1, "folds": 3}  # fmt: skip
            with unforked():
                answer, served = trained(tmp_path, table, parameters)
            said = served.predict([{"x": 1.5}])[0]
            named.append((said["value"], served.predict_table(pa.table({"x": [1.5]})).column("prediction")[0].as_py()))
            probable.append(said["probabilities"]["rare"])
            scores.append(answer["summary"]["score"])
        assert named == [("usual", "usual"), ("rare", "rare")]
        assert probable == pytest.approx([0.08, 0.08], abs=0.05)
        assert scores[1] > scores[0] + 0.1

    def test_a_network_is_not_tried_on_few_rows_unless_asked_for(self) -> None:
        assert "network" not in families_for("regression", "auto", 500)
        assert "network" in families_for("regression", "auto", 5000)
        assert families_for("regression", "network", 500) == ["network"]
        assert families_for("regression", "ensemble", 500) == families_for("regression", "logistic", 500) == []

    def test_candidates_stay_below_the_limit_of_the_process(self) -> None:
        for limit, memory in ((None, 1536), (4096, 1536), (1000, 900), (128, 115)):
            assert _bounded(TrainParameters(target="y"), limit).memory_mb == memory
