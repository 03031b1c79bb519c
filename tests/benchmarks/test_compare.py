"""Comparing two commits: what is chosen, in whose turn, and on which stores."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.compare import RATE, arguments, beside, chosen, judged
from benchmarks.harness import sides
from benchmarks.harness.errors import BenchError
from benchmarks.harness.judging import Measure
from benchmarks.harness.sides import Side, share_stores

PAIR = (Side("a", "1" * 40, 78), Side("b", "2" * 40, 79))


def test_all_routes_and_starts_are_chosen_unless_some_are_named() -> None:
    assert {"auth/me", "list of datasets", "task submitted", "start of data-service"} <= set(chosen(""))
    assert chosen("auth/me, start of ai-service") == ["auth/me", "start of ai-service"]
    with pytest.raises(BenchError, match="nothing is called lists; there are: auth/me"):
        chosen("lists,auth/me")


def test_rounds_are_interleaved_and_the_first_changes() -> None:
    turns = []

    def look(side: Side) -> Mapping[str, float]:
        turns.append(side.label)
        return {RATE: 100.0 if side.label == "a" else 50.0, "CPU": 1.0}

    rate, cpu = beside("auth/me", PAIR, 4, look)
    assert "".join(turns) == "baabbaab"
    assert rate.ratio == 2.0
    assert cpu.ratio == 1.0
    assert not cpu.more_is_better


def test_too_few_rounds_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["compare.sh", "HEAD~1", "HEAD", "--rounds", "4"])
    with pytest.raises(SystemExit):
        arguments()
    assert "nothing can be told from chance" in capsys.readouterr().err


def test_stores_are_shared_where_the_schemas_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "FOLDER", tmp_path)

    def needs(label: str, revision: str) -> None:
        file = tmp_path / label / "backend-pro1" / "shared" / "schema_revision.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'SCHEMA_REVISION = "{revision}"\n')

    assert not share_stores(list(PAIR)), "neither says what it needs"
    needs("a", "0008")
    assert not share_stores(list(PAIR))
    needs("b", "0008")
    assert share_stores(list(PAIR))
    needs("b", "0009")
    assert not share_stores(list(PAIR))


def test_each_side_reaches_its_own_services() -> None:
    found = PAIR[1].environment({"api-gateway": 1, "data-service": 2, "ai-service": 3})
    assert found["API_GATEWAY_PORT"] == "1"
    assert found["DATA_SERVICE_URL"] == "http://127.0.0.1:2"
    assert found["AI_SERVICE_URL"] == "http://127.0.0.1:3"
    assert found["CACHE_DIR"].endswith("compare/b/cache")


def test_the_exit_code_says_whether_b_is_slower(capsys: pytest.CaptureFixture[str]) -> None:
    worse = Measure("auth/me", "CPU us a request", [100.0] * 5, [130.0] * 5)
    assert judged([worse], 0.1) == 1
    assert "Slower by more than 10%: auth/me (CPU us a request)." in capsys.readouterr().out
    assert judged([worse], 0.4) == 0
    assert "Slower by more than 40%: nothing." in capsys.readouterr().out
