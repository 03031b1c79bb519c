"""Hashes that outlive the database, and the differences that they point at."""

import json
from typing import Any

import orjson
import pytest

from ..app.services.differences import MOST_SHOWN, TEXT_CHARACTERS, differences
from ..app.services.fingerprints import fingerprint, hashes_of


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        (1e16, "10000000000000000"),
        (1e22, "10000000000000000000000"),
        (1e23, "100000000000000000000000"),
        (1.5e300, "15" + "0" * 299),
        (-0.0, "0.0"),
        (3.0, "3"),
        (float(2**53), "9007199254740992"),
        (float(2**60), "1152921504606847000"),
        (5e-324, "0." + "0" * 323 + "5"),
        (0.1 + 0.2, "0.30000000000000004"),
        ({"b": [1, None], "a": True}, '{"a": true, "b": [1.0, null]}'),
    ],
)
def test_what_the_database_makes_of_numbers(computed: Any, stored: str) -> None:
    for read in (json.loads, orjson.loads):
        assert fingerprint(computed) == fingerprint(read(stored))
        assert differences("summary", {"x": computed}, {"x": read(stored)}) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1.0000000000000002),
        (2**63 - 1, 2**63 - 2),
        (10**400, 10**400 + 1),
        (True, 1),
        (None, 0),
        ("1", 1),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"b": 1}),
        ([], {}),
        ("\u00e9", "e\u0301"),
    ],
)
def test_what_differs(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)
    assert differences("summary", one, other) != []


def test_where_it_differs() -> None:
    before = [{"rows": [[1, "a"], [2, "b"]], "a/b~c": 1, "gone": {"x": 1}}]
    after = [{"rows": [[1, "a"], [2.5, "b"], [3, "c"]], "a/b~c": 2, "new": [1, 2]}]
    assert [tuple(found) for found in differences("tables", before, after)] == [
        ("tables", "/0/a~1b~0c", 1, 2),
        ("tables", "/0/gone", "an object of 1 members", None),
        ("tables", "/0/new", None, "a list of 2"),
        ("tables", "/0/rows/1/0", 2, 2.5),
        ("tables", "/0/rows", "a list of 2", "a list of 3"),
    ]


def test_it_is_bounded() -> None:
    found = differences("charts", [["x" * 5000]] * 1000, [["y" * 5000]] * 1000)
    assert (len(found), len(found[0].before)) == (MOST_SHOWN, TEXT_CHARACTERS)


def test_where_the_work_was_done_is_no_part_of_it() -> None:
    local: dict[str, Any] = {"summary": {}, "tables": [], "charts": [], "warnings": [{"code": "rows_dropped"}]}
    ray = {**local, "warnings": [{"code": "ray_unavailable"}, {"code": "rows_dropped"}]}
    assert hashes_of(local) == hashes_of(ray)
    assert hashes_of(local) != hashes_of({**local, "warnings": []})
