"""What stands in monitoring/: rules, their tests, dashboards; and the metrics that there are."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "monitoring" / "rules").glob("*.yml"))
RULE_TESTS = sorted((ROOT / "monitoring" / "rule_tests").glob("*.yml"))
DASHBOARDS = sorted((ROOT / "monitoring" / "grafana" / "dashboards").glob("*.json"))
# What Grafana puts in place of its variables, as wide as in a test that has just begun.
VARIABLES = {"$project": ".+", "$service": ".+", "$__rate_interval": "5m", "$__range": "15m"}
# Of Prometheus itself; tests/monitoring/test_running.py asks a running one for each.
OF_PROMETHEUS = {
    *("up", "ALERTS", "prometheus_rule_evaluation_failures_total"),
    *("prometheus_notifications_errors_total", "prometheus_notifications_dropped_total"),
    "prometheus_notifications_alertmanagers_discovered",
}
# What a histogram shows beside its name; what Prometheus adds to each series.
PARTS = {"histogram": ("_bucket", "_sum", "_count")}
ADDED = {"job", "instance", "project"}

_CATALOGUE = """
import json
from shared.metrics.catalogue import entries
print(json.dumps([[entry.name, entry.kind, entry.labels] for entry in entries()]))
"""


@dataclass(frozen=True)
class Alert:
    """One alert rule."""

    name: str
    expr: str
    severity: str
    annotations: dict[str, str]


@dataclass(frozen=True)
class Shown:
    """One query of a panel."""

    board: str
    panel: str
    ref: str
    expr: str

    def __str__(self) -> str:
        return f"{self.board}, {self.panel}, {self.ref}"

    @property
    def now(self) -> str:
        """The expression with Grafana's variables replaced."""
        found = self.expr
        for name, value in VARIABLES.items():
            found = found.replace(name, value)
        return found


def rules() -> Iterator[dict[str, Any]]:
    """All rules, recording ones too."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[Alert]:
    """The alert rules."""
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"])
        for rule in rules()
        if "alert" in rule
    ]


def boards() -> list[dict[str, Any]]:
    """The dashboards as they are read by Grafana."""
    return [json.loads(path.read_text()) for path in DASHBOARDS]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """What a dashboard shows, without headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Shown]:
    """What all panels ask."""
    return [
        Shown(board["title"], panel["title"], target["refId"], target["expr"])
        for board in boards()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def recorded() -> set[str]:
    """Series that recording rules make."""
    return {rule["record"] for rule in rules() if "record" in rule}


def names_in(expr: str) -> set[str]:
    """The names of metrics in an expression."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w:.$])[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()", bare)
    return set(words) - {"and", "or", "unless", "bool", "offset", "by", "sum"}


@cache
def catalogue() -> Mapping[str, Mapping[str, list[str]]]:
    """The series that our processes can show: labels by name, with the values that are known beforehand."""
    command = [sys.executable, "-c", _CATALOGUE]
    done = subprocess.run(command, cwd=ROOT / "backend-pro1", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Mapping[str, list[str]]] = {}
    for name, kind, labels in json.loads(done.stdout):
        for part in PARTS.get(kind, ("",)):
            found[name + part] = labels | ({"le": []} if part == "_bucket" else {})
    return found


def strange_labels(expr: str) -> Iterator[str]:
    """Matchers of an expression that no series of ours can meet: an unknown label, or a value that it never has."""
    for name, matchers in re.findall(r"([a-z_]+)\{([^}]*)\}", expr):
        for label, value in re.findall(r'(\w+)(?:=~|=|!=|!~)"([^"]*)"', matchers):
            known = catalogue().get(name)
            if known is None or label in ADDED:
                continue
            values = known.get(label)
            if values is None or (values and not any(re.fullmatch(value, one) for one in values)):
                yield f'{name}{{{label}="{value}"}}'
