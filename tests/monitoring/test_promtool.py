"""What promtool says of the configuration, the rules, their tests, and the queries of the dashboards."""

import os
import string
import subprocess
from pathlib import Path

import pytest
import yaml

from .files import ROOT, RULE_TESTS, RULES, queries

pytestmark = pytest.mark.monitoring

MONITORING = ROOT / "monitoring"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_understood(path: Path) -> None:
    done = promtool("check", "rules", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_do_not_fire_as_their_tests_say(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    tests = yaml.safe_load((MONITORING / "rule_tests" / "llm.yml").read_text())
    tests["rule_files"] = [str(MONITORING / "rules" / "llm.yml")]
    tests["tests"][0]["promql_expr_test"][-1]["exp_samples"] = []
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(tests))
    assert promtool("test", "rules", tmp_path / "wrong.yml").returncode == 1


def test_the_configuration_is_understood_with_and_without_the_optional_parts(tmp_path: Path) -> None:
    template = string.Template((MONITORING / "prometheus.yml").read_text())
    for line in ('static_configs: [{targets: ["127.0.0.1:1"]}]', "static_configs: []"):
        values = dict.fromkeys(template.get_identifiers(), line) | {
            "PROJECT_ID": "pro1",
            "RULES": str(MONITORING / "rules"),
        }
        path = tmp_path / "prometheus.yml"
        path.write_text(template.substitute(values, ALERTMANAGERS="" if "[]" in line else "127.0.0.1:9093"))
        done = promtool("check", "config", path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("rules found") == len(RULES)


@pytest.mark.parametrize(
    ("variables", "alertmanagers", "ray"),
    [
        ({}, [], False),
        ({"PROFILES": "grafana,ray"}, [], True),
        ({"PROFILES": "ray-worker", "ALERTMANAGER": "10.0.0.9:9093"}, ["10.0.0.9:9093"], False),
        ({"PROFILES": "alertmanager", "ALERTMANAGER": "10.0.0.9:9093"}, ["alertmanager:9093"], False),
    ],
)
def test_the_configuration_of_containers_is_understood(
    variables: dict[str, str], alertmanagers: list[str], ray: bool, tmp_path: Path
) -> None:
    start = [
        "sh",
        MONITORING / "start-prometheus.sh",
        MONITORING / "prometheus.yml",
        MONITORING / "rules",
        tmp_path,
        "echo",
    ]
    seen = {"PATH": os.environ["PATH"], "PROJECT": "pro1", **variables}
    subprocess.run([*map(str, start), "--log.format=json"], env=seen, check=True, capture_output=True)
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert found["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": alertmanagers}]
    jobs = {job["job_name"]: job for job in found["scrape_configs"]}
    assert jobs["data-worker"]["dns_sd_configs"][0]["names"] == ["data-worker"]
    assert bool(jobs["ray"]["static_configs"]) is ray
    compose = yaml.safe_load((ROOT / "backend-pro1" / "docker-compose.yml").read_text())
    for name, variable in (("data-worker", "DATA_WORKER_METRICS_PORT"), ("ai-worker", "AI_WORKER_METRICS_PORT")):
        assert jobs[name]["dns_sd_configs"][0]["port"] == int(compose["x-environment"][variable])


def test_every_query_of_the_dashboards_is_understood(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": shown.now} for number, shown in enumerate(queries())]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", "--lint=none", path)
    assert done.returncode == 0, done.stdout + done.stderr
    rules[0]["expr"] += " by by"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert promtool("check", "rules", "--lint=none", path).returncode == 1
