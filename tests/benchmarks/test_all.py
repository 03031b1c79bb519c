"""Running all benchmarks one after the other."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import all as everything
from benchmarks.all import QUICK, arguments, chosen, last_line, measure, run_one
from benchmarks.harness import record, report
from benchmarks.harness.errors import BenchError
from benchmarks.harness.quiet import bound, wait_until_quiet
from benchmarks.harness.report import Check, finish

ROOT = Path(__file__).parents[2]


def options(monkeypatch: pytest.MonkeyPatch, *words: str) -> argparse.Namespace:
    monkeypatch.setattr("sys.argv", ["all.sh", *words])
    return arguments()


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose benchmarks do what the tests say."""
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(everything, "ROOT", tmp_path)
    monkeypatch.setattr(everything, "scratch", lambda name: tmp_path / name)
    return tmp_path


def command(folder: Path, name: str, does: str) -> None:
    path = folder / "benchmarks" / f"{name}.sh"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def test_every_command_is_one_of_them() -> None:
    commands = {path.stem for path in (ROOT / "benchmarks").glob("*.sh")}
    assert commands - {"all", "compare", "lib"} == set(QUICK)


def test_every_command_has_its_place_in_the_readme() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    for name in (*QUICK, "all"):
        assert text.count(f"<!-- {name}.sh -->") == text.count(f"<!-- end of {name}.sh -->") == 1, name


def test_choosing() -> None:
    assert chosen("", "") == list(QUICK)
    assert chosen("tasks,auth_me", "") == ["auth_me", "tasks"]
    assert "rolling" not in chosen("", "rolling,neighbour")
    with pytest.raises(BenchError, match="no benchmark is called nonsense"):
        chosen("auth_me", "nonsense")


def test_quick_figures_are_not_published(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(monkeypatch, "--quick", "--publish")
    assert ended.value.code == 2
    assert "not for publishing" in capsys.readouterr().err


def test_one_that_leaves_a_record_has_run_whatever_its_code(commands: Path) -> None:
    command(commands, "tasks", 'echo "{}" >"$BENCH_RESULTS/tasks.json"; exit 1')
    assert run_one("tasks", [], commands) == ""


def test_one_that_leaves_none_has_failed_and_an_old_record_does_not_stand_for_it(commands: Path) -> None:
    (commands / "tasks.json").write_text("{}")
    command(commands, "tasks", "echo begins; echo 'port 1 is taken' >&2; exit 2")
    assert run_one("tasks", [], commands) == "ended with 2: port 1 is taken"
    assert not (commands / "tasks.json").exists()


def test_after_a_failure_the_others_go_on(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(commands, "auth_me", "exit 3")
    command(commands, "tasks", 'echo "{}" >"$BENCH_RESULTS/tasks.json"; echo "$@" >"$BENCH_RESULTS/words"')
    found = measure(["auth_me", "tasks"], options(monkeypatch, "--anyway", "--quick"), commands)
    assert found == {"auth_me": "ended with 3: it said nothing"}
    assert (commands / "words").read_text().split() == list(QUICK["tasks"])


def test_on_a_busy_machine_nothing_is_measured(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(commands, "tasks", 'echo "{}" >"$BENCH_RESULTS/tasks.json"')
    found = measure(["tasks"], options(monkeypatch, "--load", "-1", "--wait", "0"), commands)
    assert found["tasks"].startswith("the machine was busy")
    assert not (commands / "tasks.json").exists()


def test_waiting_for_a_quiet_machine() -> None:
    loads, slept = [3.0, 2.0, 0.9], list[float]()
    assert wait_until_quiet(1.0, 60, loads.copy().pop, lambda: 0.0, slept.append)
    assert not slept
    assert wait_until_quiet(1.0, 60, iter(loads).__next__, lambda: 0.0, slept.append)
    assert len(slept) == 2
    assert not wait_until_quiet(1.0, 60, lambda: 5.0, iter([0.0, 30.0, 61.0]).__next__, slept.append)
    assert bound(0.5, 4) == 2.0


def test_the_last_line_that_says_anything() -> None:
    assert last_line("one\ntwo \n\n") == "two"


def test_a_run_is_kept_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(record, "_packages", lambda: {"fastapi": "1"})
    monkeypatch.setattr(record, "_servers", lambda: ["postgresql 15"])
    checks = [Check("at most 8 ms", "7 ms", met=True), Check("none fails", "2", met=False)]
    assert finish("tasks.sh", ["About."], checks, publish=False) == 1
    said = capsys.readouterr().out
    assert "met     at most 8 ms: 7 ms" in said
    assert "MISSED  none fails: 2" in said
    found = json.loads((tmp_path / "results" / "tasks.json").read_text())
    assert found["name"] == "tasks"
    assert found["checks"][1] == {"target": "none fails", "measured": "2", "met": False}
    assert found["machine"]["cores"]
    assert {"before", "after"} == set(found["load"])
    assert found["packages"] == {"fastapi": "1"}


def test_publishing_replaces_what_stands_between_the_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- tasks.sh -->\nold\n<!-- end of tasks.sh -->\nafter")
    monkeypatch.setattr(report, "README", readme)
    report.put_between("tasks.sh", ["new"])
    assert readme.read_text() == "before\n<!-- tasks.sh -->\n\nnew\n\n<!-- end of tasks.sh -->\nafter"
    with pytest.raises(BenchError, match="no place for queries"):
        report.put_between("queries.sh", ["new"])
