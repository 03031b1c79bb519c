"""Rows of a query that are kept, and read page by page as if they had been answered at once."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.queries import query, results

from .conftest import quiet

LIMITS = {"memory_mb": 512, "threads": 1}
EVERY_KIND = """
SELECT 1::HUGEINT * 170141183460469231731687303715884105727 AS big, 12.50::DECIMAL(10, 2) AS dec, 'x' AS same,
       2 AS same,
       TIMESTAMPTZ '2024-01-01 12:00:00+02' AS zoned, TIMETZ '12:00:00+02' AS clock, INTERVAL 90 MINUTE AS span,
       [1::HUGEINT, NULL] AS list, {'a': 'it''s, [odd]', 'b': NULL} AS struct, MAP {'k': 1} AS map, 'b'::BLOB AS bytes,
       '101'::BIT AS bits, uuid() IS NULL AS none, '{"a": 1}'::JSON AS doc, 1 / 0 AS inf, NULL AS nothing,
       'a'::ENUM('a', 'b') AS word, DATE '2024-02-29' AS day, [['a', ''], [NULL]] AS nested
"""


@pytest.fixture
def tables(tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "t.parquet"
    with duckdb.connect() as connection:
        connection.sql("SELECT i AS a, i / 2 AS price FROM range(300000) r(i)").write_parquet(str(path))
    return [{"name": "t", "path": str(path)}]


def store(sql: str, tables: list[dict[str, str]], folder: Path, limit: int = 10**7) -> dict[str, Any]:
    files = {"parquet": str(folder / "kept.parquet"), "scratch": str(folder)}
    return results.store({"sql": sql, "limit": limit, "tables": tables, **files, **LIMITS}, quiet)


def page(kept: dict[str, Any], folder: Path, offset: int, limit: int) -> dict[str, Any]:
    job = {"path": str(folder / "kept.parquet"), "schema": kept["schema"], "offset": offset, "limit": limit}
    return results.page({**job, **LIMITS}, quiet)


def test_every_kind_of_value_comes_back_as_it_was(tmp_path: Path) -> None:
    at_once = query.run({"sql": EVERY_KIND, "limit": 10, "tables": [], **LIMITS}, quiet)
    kept = page(store(EVERY_KIND, [], tmp_path), tmp_path, 0, 10)
    assert kept["rows"] == at_once["rows"]
    assert [column["name"] for column in kept["columns"]][2:4] == ["same", "same"]
    assert kept["columns"] == at_once["columns"]
    assert kept["warnings"] == at_once["warnings"]


def test_pages_are_whole_and_in_order(tables: list[dict[str, str]], tmp_path: Path) -> None:
    kept = store("SELECT a FROM t ORDER BY a DESC; -- the largest first", tables, tmp_path)
    assert (kept["rows"], kept["warnings"]) == (300_000, [])
    first, last = page(kept, tmp_path, 0, 3), page(kept, tmp_path, 299_998, 3)
    assert (first["rows"], first["truncated"]) == ([[299_999], [299_998], [299_997]], True)
    assert (last["rows"], last["truncated"]) == ([[1], [0]], False)


def test_a_limit_is_told(tables: list[dict[str, str]], tmp_path: Path) -> None:
    kept = store("SELECT a FROM t", tables, tmp_path, limit=5)
    assert (kept["rows"], kept["warnings"][0]["code"]) == (5, "limit_reached")


def test_no_rows(tables: list[dict[str, str]], tmp_path: Path) -> None:
    kept = store("SELECT a, price FROM t WHERE a < 0", tables, tmp_path)
    answer = page(kept, tmp_path, 0, 10)
    assert (answer["rows"], len(answer["columns"])) == ([], 2)


def test_a_file_that_grows_too_large(
    tables: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(results, "MAX_FILE_BYTES", 100_000)
    try:
        with pytest.raises(ComputeError) as caught:
            store("SELECT hash(a) FROM t", tables, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (caught.value.code, "too large" in caught.value.detail) == ("query_too_large", True)


def test_a_missing_result(tmp_path: Path) -> None:
    with pytest.raises(ComputeError) as caught:
        page({"schema": [{"name": "a", "kind": "BIGINT"}]}, tmp_path, 0, 1)
    assert caught.value.code == "file_gone"


FORKED = """
import importlib, json, os, psutil
template = importlib.import_module("shared.queries.template")
threads = psutil.Process().num_threads()
answers = []
for _ in range(2):
    ours, theirs = os.pipe()
    if not os.fork():
        with template.opened(memory_mb=200, threads=2) as connection:
            row = connection.execute("SELECT random(), current_setting('TimeZone'), current_setting('threads'), "
                                     "current_setting('memory_limit'), current_setting('temp_directory')").fetchone()
            os.write(theirs, json.dumps(row).encode())
        os._exit(0)
    os.wait()
    answers.append(json.loads(os.read(ours, 1000)))
print(json.dumps([threads, answers]))
"""


def test_children_take_the_template_over() -> None:
    """It has one thread when it is copied, its children's random numbers differ, and their limits are their own."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", FORKED], cwd=root, capture_output=True, check=True, env=os.environ)  # noqa: S603
    threads, (one, other) = json.loads(done.stdout)
    assert threads == 1
    assert one[0] != other[0]
    assert one[1:] == other[1:] == ["UTC", 2, "200.0 MiB", ""]
