"""Certification: digits against NIST's values, what exact arithmetic allows, and the way through HTTP."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from shared.testing.project import Workspace

from ..app.engines import certify as engine
from ..app.engines.reference_sets import LEADING_DIGITS, ReferenceSet, fingerprint, reference_sets
from .support import MakeWorker

HARD = ("Filip", "Wampler5", "Longley", "NoInt1", "NumAcc1", "NumAcc4", "SmLs07")


def silent(_done: int, _total: int, _message: str) -> None:
    """No progress."""


def only(names: tuple[str, ...]) -> Callable[[], Iterator[ReferenceSet]]:
    return lambda: (each for each in reference_sets() if each.name.removesuffix(" (decimals)") in names)


def digits_of(answer: dict[str, Any], name: str) -> dict[str, float]:
    return {row[1]: row[4] for row in answer["tables"][0]["rows"] if row[0] == name}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A certification by the hardest sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "reference_sets", only(HARD))
        return engine.certify({"output": str(tmp_path_factory.mktemp("output"))}, silent)


class TestHardSets:
    def test_nine_digits_at_least(self, answer: dict[str, Any]) -> None:
        assert answer["summary"]["min_digits"] >= 9
        assert answer["tables"][0]["columns"] == ["dataset", "quantity", "certified", "computed", "digits"]
        assert answer["summary"]["quantities"] == len(answer["tables"][0]["rows"])
        assert answer["sha256"] == fingerprint()

    def test_every_quantity_is_there(self, answer: dict[str, Any]) -> None:
        for each in only(HARD)():
            missing = each.certified.keys() - digits_of(answer, each.name).keys()
            # The analysis of series takes twelve values.
            assert missing == ({"autocorrelation"} if each.name == "NumAcc1" else set())

    def test_polynomial_of_tenth_degree(self, answer: dict[str, Any]) -> None:
        assert min(digits_of(answer, "Filip").values()) > 10

    def test_decimals_keep_what_doubles_lose(self, answer: dict[str, Any]) -> None:
        # SciPy's f_oneway has 4 digits of SmLs07's F.
        assert min(digits_of(answer, "SmLs07 (decimals)").values()) > 14
        assert min(digits_of(answer, "NumAcc4 (decimals)").values()) > 10
        assert [warning["code"] for warning in answer["warnings"]] == ["limited_by_doubles"]

    def test_of_doubles_exact_arithmetic_gets_no_more_right(self, answer: dict[str, Any]) -> None:
        rounded = next(each for each in reference_sets() if each.name == "SmLs07")
        groups: dict[str, list[Fraction]] = {}
        for treatment, y in zip(*(rounded.columns[name].to_pylist() for name in ("treatment", "y")), strict=True):
            groups.setdefault(treatment, []).append(Fraction(y))
        values = [value for group in groups.values() for value in group]
        grand = sum(values, Fraction(0)) / len(values)
        means = {name: sum(group, Fraction(0)) / len(group) for name, group in groups.items()}
        between = sum(len(group) * (means[name] - grand) ** 2 for name, group in groups.items())
        within = sum((value - means[name]) ** 2 for name, group in groups.items() for value in group)
        exact = engine.correct_digits(float(between / 8 / (within / 180)), "21")
        assert digits_of(answer, "SmLs07")["f_statistic"] == pytest.approx(exact, abs=0.01)
        assert exact < 5


@pytest.mark.parametrize(
    ("computed", "certified", "digits"),
    [(2.0, "2", 15.0), (1.001, "1", 3.0), (1e-12, "0", 12.0), (None, "1", 0.0), (50.0, "1", 0.0), (0.5, "1", 0.301)],
)
def test_correct_digits(computed: float | None, certified: str, digits: float) -> None:
    assert engine.correct_digits(computed, certified) == pytest.approx(digits, abs=1e-3)


def test_the_sets_are_nists(tmp_path: Path) -> None:
    sets = {each.name: each for each in reference_sets()}
    assert len(sets) == 9 + 11 + 11 + len(LEADING_DIGITS)
    rows = {name: len(each.columns["y"]) for name, each in sets.items()}
    assert (rows["PiDigits"], rows["Filip"], rows["SmLs09"], rows["AtmWtAg"]) == (5000, 82, 18009, 48)
    assert sets["Longley"].write(tmp_path / "a") == sets["Longley"].write(tmp_path / "b")


@pytest.mark.integration
async def test_over_http(clients: dict[str, AsyncClient], workspace: Workspace, make_worker: MakeWorker) -> None:
    make_worker()
    body = {"project_id": str(workspace.project_id)}
    submitted = await clients["editor"].post("/analysis/certify", json=body, params={"wait": 60})
    assert submitted.status_code == 200, submitted.text
    task = submitted.json()
    assert (task["kind"], task["status"], task["dataset_id"]) == ("certify", "succeeded", None), task["error"]
    result = (await clients["viewer"].get(f"/analysis/{task['id']}/result")).json()
    assert (result["type"], result["tables"][0]["name"]) == ("certify", "digits")
    assert result["summary"]["min_digits"] >= 9
    assert result["summary"]["datasets"] == 40
    assert (result["manifest"]["dataset_id"], result["manifest"]["sha256"]) == (None, fingerprint())
    refused = await clients["viewer"].post("/analysis/certify", json=body)
    assert refused.status_code == 403
    again = await clients["editor"].post(f"/analysis/{task['id']}/replay")
    assert (again.status_code, again.json()["code"]) == (409, "not_replayable")
