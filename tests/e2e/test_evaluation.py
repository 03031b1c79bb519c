"""The evaluation of an LLM by its command, with models that are good, lie, err first, and attack."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from question_set import read_set

from ..evaluation.planner import INVENTED, Mode, rules
from .llm import scripted

pytestmark = pytest.mark.e2e

COMMAND = Path(__file__).parents[2] / "scripts" / "evaluate-llm.sh"
QUESTIONS = read_set().questions
# Each hostility once.
FEW = 4


def evaluated(*options: str | Path) -> subprocess.CompletedProcess[str]:
    """The command on the instance under test."""
    project = os.environ["E2E_PROJECTS"].split(",")[0]
    command = [str(COMMAND), "--project", project, *map(str, options)]
    environment = os.environ | {"VENV": sys.prefix}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)


def reported(mode: Mode, folder: Path, *options: str) -> dict[str, Any]:
    """What it reports of a model of this kind."""
    file = folder / "report.json"
    with scripted(rules(QUESTIONS, mode), folder):
        done = evaluated("--report", file, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    assert f"({found['right']} of {found['questions']};" in done.stdout
    return found


def test_a_good_model_has_all_right(tmp_path: Path) -> None:
    found = reported(Mode.HONEST, tmp_path, "--least", "1")
    assert [one["id"] for one in found["outcomes"] if not one["is_right"]] == []
    assert [one["answer"] for one in found["outcomes"] if one["struck"]] == []
    assert (found["accuracy"], found["grounding"], found["repairs"], found["failures"]) == (1, 1, 0, {})
    assert (found["questions"], found["accuracy_by_level"]) == (len(QUESTIONS), dict.fromkeys("1234", 1))
    assert min(found["tokens_in"], found["tokens_out"]) > len(QUESTIONS)


def test_lies_are_struck_and_the_tables_stay_right(tmp_path: Path) -> None:
    found = reported(Mode.LYING, tmp_path, "--limit", str(FEW))
    assert (found["accuracy"], found["grounding"], found["answers_with_struck_numbers"]) == (1, 0, FEW)
    assert found["claims"] == FEW * len(INVENTED)
    shown = "".join(one["answer"] for one in found["outcomes"])
    assert not [number for number in INVENTED if number.strip("-% ") in shown]


def test_repairs_are_counted(tmp_path: Path) -> None:
    found = reported(Mode.CLUMSY, tmp_path, "--limit", str(FEW))
    assert (found["accuracy"], found["grounding"], found["repairs"]) == (1, 1, FEW)


def test_attacks_fail_with_their_code(tmp_path: Path) -> None:
    found = reported(Mode.HOSTILE, tmp_path, "--limit", str(FEW))
    assert (found["accuracy"], found["failures"]) == (0, {"ask_failed": FEW})
    reasons = "\n".join(one["detail"] for one in found["outcomes"])
    codes = ("invalid_sql", "forbidden_sql", "unreadable_plan")
    assert [code for code in codes if f"failed with {code}" not in reasons] == []
    assert "root:" not in reasons


def test_too_few_right_answers_are_an_error(tmp_path: Path) -> None:
    with scripted(rules(QUESTIONS[:1], Mode.HOSTILE), tmp_path):
        done = evaluated("--limit", "1", "--least", "0.5", "--report", tmp_path / "report.md")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "error: the accuracy is 0.000, at least 0.5 was asked for",
    )
    assert "* Failures: ask_failed 1" in (tmp_path / "report.md").read_text()


def test_a_set_that_is_none_is_named() -> None:
    done = evaluated("--questions", "no-such.json")
    assert (done.returncode, done.stderr.splitlines()[-1][:20]) == (1, "error: no-such.json:")
