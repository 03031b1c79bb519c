"""What somebody is told when a computation ends without an answer."""

import pytest

from shared.compute import ComputeFailed
from shared.errors import APIException

from ..app.services.engine import _explained


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("timeout", 408, "query_timeout"),
        ("out_of_memory", 422, "query_too_large"),
        ("crashed", 422, "query_failed"),
        ("disk_full", 503, "unavailable"),
        ("bad_column", 422, "bad_column"),
    ],
)
def test_each_end_has_its_answer(code: str, status: int, told: str) -> None:
    answer = _explained(ComputeFailed(code, "a detail"), 30)
    assert isinstance(answer, APIException)
    assert (answer.status, answer.code) == (status, told)


def test_a_bug_stays_one() -> None:
    bug = ComputeFailed("internal_error", "a detail")
    assert _explained(bug, 30) is bug
