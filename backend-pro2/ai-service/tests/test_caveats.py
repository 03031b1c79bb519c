"""Honest warnings: Simpson's reversal, leakage, identifiers, tiny samples, rows on both sides of a split."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris

from ..app.engines.id_columns import id_reason
from ..app.engines.leakage import target_leaks
from ..app.engines.levels import Levels
from ..app.engines.simpson import find_reversal
from .shipped_data import PENGUINS, TITANIC, load
from .support import Analyse


def warned(result: dict[str, Any], code: str) -> list[str]:
    return [warning["message"] for warning in result["warnings"] if warning["code"] == code]


def levels_of(values: list[str]) -> Levels:
    codes, names = pd.factorize(np.array(values, dtype=object), sort=True)
    return Levels("g", tuple(names), codes.astype(np.intp))


class TestSimpson:
    def test_bills_of_penguins(self, analyse_columns: Analyse) -> None:
        # Horst, Hill and Gorman (2020): r = -0.235 over all rows, 0.391, 0.654 and 0.643 within the species.
        data = load(PENGUINS)
        codes, names = pd.factorize(np.array(data["species"], dtype=object), sort=True)
        x, y = (np.array(data[name], dtype=np.float64) for name in ("culmen_length_mm", "culmen_depth_mm"))
        found = find_reversal(x, y, ("length", "depth"), [Levels("species", tuple(names), codes.astype(np.intp))])
        assert found is not None
        assert found.pooled == pytest.approx(-0.235, abs=5e-4)
        assert [r for _, _, r in found.levels] == pytest.approx([0.391, 0.654, 0.643], abs=5e-4)
        columns = ["culmen_length_mm", "culmen_depth_mm"]
        (text,) = warned(analyse_columns("correlation", data, {"columns": columns}), "simpson_reversal")
        assert "'species'" in text
        model = {"target": columns[1], "features": columns[:1]}
        assert len(warned(analyse_columns("regression", data, model), "simpson_reversal")) == 1
        told = {"target": columns[1], "features": [columns[0], "species"]}
        assert warned(analyse_columns("regression", data, told), "simpson_reversal") == []

    def test_directions_that_agree_and_noise_say_nothing(self) -> None:
        generator = np.random.default_rng(3)
        groups = levels_of(["a", "b"] * 100)
        x = generator.normal(size=200)
        assert find_reversal(x, x + generator.normal(size=200), ("x", "y"), [groups]) is None
        assert find_reversal(x, generator.normal(size=200), ("x", "y"), [groups]) is None
        assert find_reversal(x, x, ("x", "y"), []) is None

    def test_scale_and_order_do_not_matter(self) -> None:
        generator = np.random.default_rng(4)
        group = np.repeat([0, 1, 2], 50)
        x = generator.normal(size=150) + 6 * group
        y = generator.normal(size=150) / 2 + x - 12 * group
        found = find_reversal(x, y, ("x", "y"), [Levels("g", ("a", "b", "c"), group)])
        order = generator.permutation(150)
        moved = find_reversal(3 * x[order] - 1, y[order] / 7, ("x", "y"), [Levels("g", ("a", "b", "c"), group[order])])
        assert found is not None
        assert moved is not None
        assert (moved.pooled, moved.within) == pytest.approx((found.pooled, found.within), rel=1e-9)
        assert found.pooled < 0 < found.within


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("name", "values", "found"),
        [
            ("n", [*range(100, 140)], True),
            ("customer_id", [3 * i for i in range(40)], True),
            ("price", [3 * i for i in range(40)], False),
            ("code", [f"A{i}" for i in range(40)], True),
            ("note", [f"a long remark number {i}" for i in range(40)], False),
            ("kind", ["a", "b"] * 20, False),
            ("few", [1, 2, 3], False),
            ("weight", [i / 7 for i in range(40)], False),
        ],
    )
    def test_what_looks_like_one(self, name: str, values: list[object], found: bool) -> None:
        assert (id_reason(name, pa.chunked_array([pa.array(values)])) is not None) is found

    def test_as_a_feature(self, analyse_columns: Analyse) -> None:
        data = {
            "y": np.random.default_rng(1).normal(size=40),
            "n": list(range(40)),
            "x": [float(i % 3) for i in range(40)],
        }
        result = analyse_columns("regression", data, {"target": "y", "features": ["n", "x"]})
        (text,) = warned(result, "id_column")
        assert "'n' (features)" in text


class TestLeakage:
    def test_life_boats_of_the_titanic(self) -> None:
        frame = pd.DataFrame(load(TITANIC))
        y = frame.pop("survived").astype(str).to_numpy(dtype=object)
        x = frame.astype(dict.fromkeys(("pclass", "age", "sibsp", "parch", "fare", "body"), float))
        said = {text.message.split("'")[1]: text.message for text in target_leaks(x, y, "survived")}
        # Of 486 whose boat is known 477 survived, of 121 whose body was found none did.
        assert set(said) == {"boat", "body"}
        assert "known in 486 rows, and 477 of them" in said["boat"]
        assert "known in 121 rows, and 121 of them" in said["body"]

    def test_measures_that_are_merely_good_are_left_alone(self) -> None:
        iris = load_iris(as_frame=True)
        y = np.array([str(name) for name in iris.target], dtype=object)
        assert target_leaks(iris.data, y, "species") == []

    def test_copies_and_functions(self, analyse_columns: Analyse) -> None:
        generator = np.random.default_rng(2)
        y = generator.normal(size=300)
        x = pd.DataFrame(
            {
                "copy": y,
                "degrees": 32 + 1.8 * y,
                "cube": y**3,
                "level": [f"{v:.0f}" for v in y],
                "good": y + generator.normal(size=300) / 3,
                "many": [f"k{i}" for i in range(300)],
            }
        )
        assert [text.message.split("'")[1] for text in target_leaks(x, y, "y")] == ["copy", "degrees", "cube"]
        model = {"target": "y", "features": ["degrees"]}
        result = analyse_columns(
            "regression", {"y": y, "degrees": 32 + 1.8 * y + generator.normal(size=300) / 1e3}, model
        )
        assert len(warned(result, "target_leakage")) == 1


class TestTinySamples:
    def test_of_a_test_and_of_a_model(self, analyse_columns: Analyse) -> None:
        data = {"a": [1.0, 2, 4, 3, 5, 9], "g": list("uuuvvv")}
        test = {"method": "welch_t", "column": "a", "group": "g"}
        assert len(warned(analyse_columns("hypothesis-test", data, test), "tiny_sample")) == 1
        columns = {f"x{i}": np.random.default_rng(i).normal(size=15) for i in range(6)}
        model = {"target": "x0", "features": [f"x{i}" for i in range(1, 6)]}
        (text,) = warned(analyse_columns("regression", columns, model), "tiny_sample")
        assert "15 rows for 6 coefficients" in text
