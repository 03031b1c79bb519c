"""The dashboards are what their code writes, can be read, and ask only for what there is."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

import generate
from boards import BOARDS

from .files import (
    DASHBOARDS,
    OF_PROMETHEUS,
    ROOT,
    boards,
    catalogue,
    names_in,
    panels,
    queries,
    recorded,
    strange_labels,
)

PROVISIONING = ROOT / "monitoring" / "grafana"
UNITS = {"short", "s", "bytes", "Bps", "ops", "reqps", "percentunit"}


def test_the_files_are_what_the_code_writes() -> None:
    assert generate.differing() == [], "run scripts/dashboards/generate.py"


def test_a_changed_missing_or_strange_file_is_told_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(generate.write(tmp_path)) == len(BOARDS)
    (tmp_path / "overview.json").write_text("{}")
    (tmp_path / "tasks.json").unlink()
    (tmp_path / "mine.json").write_text("{}")
    assert generate.differing(tmp_path) == ["mine.json", "overview.json", "tasks.json"]
    generate.write(tmp_path)
    assert generate.differing(tmp_path) == []
    assert generate.main(["--what"]) == 2


def test_queries_name_only_metrics_that_there_are() -> None:
    known = catalogue().keys() | recorded() | OF_PROMETHEUS
    unknown = {name: (shown.board, shown.panel) for shown in queries() for name in names_in(shown.expr) - known}
    assert unknown == {}


def test_queries_ask_only_for_labels_that_there_are() -> None:
    assert [strange for shown in queries() for strange in strange_labels(shown.now)] == []


@pytest.mark.parametrize("board", boards(), ids=lambda board: board["uid"])
class TestEveryDashboard:
    def test_shows_one_instance_or_all(self, board: dict[str, Any]) -> None:
        names = [variable["name"] for variable in board["templating"]["list"]]
        assert names[0] == "project"
        exprs = [target["expr"] for panel in panels(board) for target in panel["targets"]]
        assert all('project=~"$project"' in expr or "ALERTS" in expr for expr in exprs)
        assert ("service" in names) == any("$service" in expr for expr in exprs)

    def test_can_be_understood(self, board: dict[str, Any]) -> None:
        assert board["title"]
        assert board["description"]
        for panel in panels(board):
            assert panel["title"]
            assert panel["description"].endswith("."), panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]

    def test_has_its_panels_beside_each_other(self, board: dict[str, Any]) -> None:
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        for one, other in combinations(places, 2):
            apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]

    def test_numbers_its_panels(self, board: dict[str, Any]) -> None:
        numbers = [panel["id"] for panel in board["panels"]]
        assert numbers == list(range(1, len(numbers) + 1))


def test_grafana_finds_dashboards_and_the_prometheus_that_they_ask() -> None:
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "provider.yml").read_text())["providers"][0]
    compose = yaml.safe_load((ROOT / "backend-pro1" / "docker-compose.yml").read_text())
    mount = "/etc/grafana/provisioning"
    assert f"../monitoring/grafana:{mount}:ro" in compose["services"]["grafana"]["volumes"]
    assert provider["options"]["path"] == f"{mount}/dashboards"
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    used = {panel["datasource"]["uid"] for board in boards() for panel in panels(board)}
    assert used == {source["uid"] for source in sources}
    assert len({board["uid"] for board in boards()}) == len(DASHBOARDS) == 5
