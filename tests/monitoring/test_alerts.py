"""Each alert can be understood and acted on, and is tested from both sides."""

import re
from collections import Counter

import pytest
import yaml

from .files import OF_PROMETHEUS, ROOT, RULE_TESTS, Alert, alerts, catalogue, names_in, recorded, rules, strange_labels

RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
ALWAYS = "Watchdog"


def sections() -> dict[str, str]:
    found = re.split(r"^### (\w+)$", RUNBOOKS, flags=re.MULTILINE)
    return dict(zip(found[1::2], (text.split("\n## ")[0] for text in found[2::2]), strict=True))


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
class TestEveryAlert:
    def test_says_what_is_wrong_and_how_grave_it_is(self, alert: Alert) -> None:
        assert alert.severity in {"critical", "warning"} or (alert.name, alert.severity) == (ALWAYS, "none")
        assert alert.annotations.keys() == {"summary", "description", "runbook_url"}
        for text in ("summary", "description"):
            assert alert.annotations[text].endswith((".", "}}"))

    def test_has_a_section_that_says_what_to_do(self, alert: Alert) -> None:
        assert alert.annotations["runbook_url"] == f"docs/runbooks.md#{alert.name.lower()}"
        section = sections()[alert.name]
        for heading in ("**Means.**", "**Look.**", "**Do.**"):
            assert section.count(heading) == 1, heading

    def test_is_tested_to_fire_and_not_to_fire(self, alert: Alert) -> None:
        expected = {
            bool(check["exp_samples"])
            for path in RULE_TESTS
            for test in yaml.safe_load(path.read_text())["tests"]
            for check in test["promql_expr_test"]
            if f'alertname="{alert.name}"' in check["expr"]
        }
        assert expected == ({True} if alert.name == ALWAYS else {True, False})


def test_names_are_used_once() -> None:
    assert [name for name, times in Counter(alert.name for alert in alerts()).items() if times > 1] == []


def test_runbooks_have_no_section_of_an_alert_that_is_not() -> None:
    assert sections().keys() == {alert.name for alert in alerts()}


def test_rules_name_only_metrics_that_there_are() -> None:
    known = catalogue().keys() | recorded() | OF_PROMETHEUS
    unknown = {
        name: rule.get("alert", rule.get("record")) for rule in rules() for name in names_in(rule["expr"]) - known
    }
    assert unknown == {}


def test_rules_ask_only_for_labels_that_there_are() -> None:
    assert [strange for rule in rules() for strange in strange_labels(rule["expr"])] == []


def test_commands_of_the_runbooks_exist() -> None:
    for script in set(re.findall(r"\./(scripts/[\w-]+\.sh)", RUNBOOKS)):
        assert (ROOT / script).exists(), script
    services = set(re.findall(r"\./scripts/logs\.sh (?!--)([\w-]+)", RUNBOOKS))
    known = (ROOT / "scripts" / "logs.sh").read_text() + (ROOT / "backend-pro1" / "docker-compose.prod.yml").read_text()
    assert [name for name in services - {"alertmanager"} if name not in known] == []


def test_settings_that_the_runbooks_name_exist() -> None:
    template = (ROOT / "config" / "env.example.tmpl").read_text()
    known = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", template, re.MULTILINE))
    named = {name for name in re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", RUNBOOKS) if not name.endswith("_")}
    assert named - known == set()
