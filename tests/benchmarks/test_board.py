"""The one table of all benchmarks, from their records."""

import json
from pathlib import Path
from typing import Any

from benchmarks.all import QUICK
from benchmarks.harness.board import MARK, exit_code, paragraphs, published, read_records
from benchmarks.harness.paths import PUBLISHED
from benchmarks.harness.report import README

CHECKS = [
    {"target": "at least 8 x naive", "measured": "13.1", "met": True},
    {"target": "p99 at most 0.3", "measured": "0.4 | late", "met": False},
]


def record(name: str, **changes: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "at": "2026-11-26T19:00:00+00:00",
        "seconds": 90.0,
        "commit": "abc",
        "machine": {"cores": 2, "memory_gib": 24, "system": "Linux"},
        "load": {"before": 0.4, "after": 1.9},
        "packages": {"fastapi": "0.165"},
        "servers": ["postgresql 15.18"],
        "checks": CHECKS,
    }
    return {**found, **changes}


def test_a_line_for_each_check() -> None:
    table = paragraphs({"auth_me": record("auth_me")}, {})[1]
    assert "| `auth_me.sh` | at least 8 x naive | 13.1 | met | 2026-11-26 | 0.4, 1.9 |" in table
    assert "| `auth_me.sh` | p99 at most 0.3 | 0.4 \\| late | **missed** | 2026-11-26 | 0.4, 1.9 |" in table


def test_one_that_failed_is_in_the_table_with_its_reason() -> None:
    assert "| `rolling.sh` | runs | no\\|engine | **failed** |  |  |" in paragraphs({}, {"rolling": "no|engine"})[-2]


def test_machine_and_versions_are_said_once_where_all_agree() -> None:
    found = paragraphs({name: record(name) for name in ("auth_me", "tasks")}, {})
    assert found[0] == "2 cores, 24 GiB, Linux; commit abc; fastapi 0.165; postgresql 15.18."
    assert len(found) == 3


def test_what_was_measured_at_another_commit_is_told_apart() -> None:
    found = paragraphs({"auth_me": record("auth_me"), "tasks": record("tasks", commit="def")}, {})
    assert found[0].startswith("auth_me: 2 cores")
    assert "commit def" in found[1]


def test_how_long_each_took() -> None:
    assert paragraphs({"auth_me": record("auth_me")}, {})[-1] == "Minutes: auth_me 1.5."


def test_exit_codes() -> None:
    met = record("tasks", checks=CHECKS[:1])
    assert exit_code([met], {}) == 0
    assert exit_code([met, record("auth_me")], {}) == 1
    assert exit_code([met], {"rolling": "ended with 2"}) == 2


def test_records_come_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("tasks", "auth_me"):
        (tmp_path / f"{name}.json").write_text(json.dumps(record(name)))
    assert list(read_records(tmp_path, ["auth_me", "absent", "tasks"])) == ["auth_me", "tasks"]


def test_what_is_published_keeps_what_was_measured_on_another_machine(tmp_path: Path) -> None:
    names, folder = ["auth_me", "rolling", "tasks"], tmp_path / "results"
    first = {name: record(name) for name in ("auth_me", "tasks")}
    assert published(first, folder, names) == first
    again = record("tasks", commit="def")
    assert published({"tasks": again}, folder, names) == {"auth_me": first["auth_me"], "tasks": again}


def test_the_table_is_that_of_the_records_in_git() -> None:
    text = README.read_text().partition(f"<!-- {MARK} -->")[2].partition(f"<!-- end of {MARK} -->")[0]
    for paragraph in paragraphs(read_records(PUBLISHED, QUICK), {}):
        assert paragraph in text
