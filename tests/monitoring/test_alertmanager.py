"""Where alerts go: the start of Alertmanager, its routes, and what it keeps quiet about."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from .files import ROOT, alerts

START = ROOT / "monitoring" / "start-alertmanager.sh"
TEMPLATE = ROOT / "monitoring" / "alertmanager.yml"
WEBHOOK = {"ALERT_WEBHOOK_URL": "https://chat.example.org/hook?key=s3cret"}
MAIL = {"ALERT_MAIL_TO": "ops@example.org", "SMTP_HOST": "mail.example.org", "MAIL_FROM": "Us <us@example.org>"}
LONGEST_SECONDS = 60


def start(folder: Path, environment: dict[str, str], *program: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(START), str(TEMPLATE), str(folder), *(program or ("echo",))]
    seen = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, env=seen, capture_output=True, text=True, check=False)


def written(folder: Path, environment: dict[str, str]) -> str:
    done = start(folder, environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"--config.file={folder}/alertmanager.yml"
    return (folder / "alertmanager.yml").read_text()


class TestStart:
    def test_is_refused_where_alerts_would_reach_nobody(self, tmp_path: Path) -> None:
        done = start(tmp_path, {})
        assert (done.returncode, done.stdout) == (1, "")
        assert "ALERT_WEBHOOK_URL" in done.stderr
        assert "ALERT_MAIL_TO" in done.stderr

    @pytest.mark.parametrize(
        ("environment", "named"),
        [
            ({"ALERT_MAIL_TO": "ops@example.org"}, "SMTP_HOST"),
            (MAIL | {"SMTP_SECURITY": "tls"}, "SMTP_PORT=465"),
            (MAIL | {"SMTP_SECURITY": "some"}, "SMTP_SECURITY"),
            ({"ALERT_WEBHOOK_URL": 'https://x"\nroute: {}'}, "ALERT_WEBHOOK_URL"),
            ({"ALERT_WEBHOOK_URL_FILE": "/nowhere"}, "ALERT_WEBHOOK_URL_FILE"),
        ],
    )
    def test_is_refused_with_what_cannot_be(self, environment: dict[str, str], named: str, tmp_path: Path) -> None:
        done = start(tmp_path, environment)
        assert done.returncode == 1
        assert named in done.stderr

    def test_of_a_webhook_has_nothing_of_mail(self, tmp_path: Path) -> None:
        text = written(tmp_path, WEBHOOK)
        assert '- url: "https://chat.example.org/hook?key=s3cret"' in text
        settings = [line for line in text.splitlines() if not line.startswith("#")]
        assert [line for line in settings if re.search(r"smtp|email|\$\{", line)] == []

    def test_of_mail_has_no_webhook(self, tmp_path: Path) -> None:
        text = written(tmp_path, MAIL)
        assert 'smtp_smarthost: "mail.example.org:587"' in text
        assert "smtp_require_tls: true" in text
        assert "webhook_configs" not in text
        assert "smtp_auth" not in text

    def test_keeps_the_password_of_mail_in_a_private_file(self, tmp_path: Path) -> None:
        text = written(tmp_path, MAIL | {"SMTP_USERNAME": "us", "SMTP_PASSWORD": 'a"b|c&d'})
        assert (tmp_path / "smtp-password").read_text() == 'a"b|c&d'
        assert f'smtp_auth_password_file: "{tmp_path}/smtp-password"' in text
        for name in ("smtp-password", "alertmanager.yml"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0

    def test_takes_a_secret_from_a_file(self, tmp_path: Path) -> None:
        secret = tmp_path / "url"
        secret.write_text("https://chat.example.org/other\n")
        assert '- url: "https://chat.example.org/other"' in written(tmp_path, {"ALERT_WEBHOOK_URL_FILE": str(secret)})


def test_alerts_that_the_routes_and_inhibitions_name_exist() -> None:
    known = [alert.name for alert in alerts()]
    for pattern in re.findall(r'alertname =~? "([^"]+)"', TEMPLATE.read_text()):
        for one in [pattern] if "(" in pattern else pattern.split("|"):
            assert any(re.fullmatch(one, name) for name in known), one


@pytest.mark.monitoring
class TestTool:
    @pytest.mark.parametrize(
        "environment", [WEBHOOK, MAIL, WEBHOOK | MAIL | {"ALERT_HEARTBEAT_URL": "https://x.example"}]
    )
    def test_understands_the_configuration(self, environment: dict[str, str], tmp_path: Path) -> None:
        written(tmp_path, environment)
        done = amtool("check-config", str(tmp_path / "alertmanager.yml"))
        assert done.returncode == 0, done.stdout + done.stderr

    def test_routes_by_how_grave_an_alert_is(self, tmp_path: Path) -> None:
        written(tmp_path, WEBHOOK)
        expected = {"critical": "people", "warning": "people", "none": "heartbeat"}
        for alert in alerts():
            labels = (f"alertname={alert.name}", f"severity={alert.severity}", "project=pro1")
            done = amtool("config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yml'}", *labels)
            assert done.stdout.strip() == expected[alert.severity], alert.name


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)


class Receiver:
    """Takes what is posted to a port of this machine."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, str]] = []
        taken = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
                taken.extend((alert["labels"]["alertname"], alert["status"]) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(folder: Path, template: Path, environment: dict[str, str]) -> Iterator[str]:
    """A real Alertmanager, started as in its container."""
    address = f"127.0.0.1:{free_port()}"
    program = shutil.which("prometheus-alertmanager") or "alertmanager"
    options = [f"--storage.path={folder}/data", f"--web.listen-address={address}", "--cluster.listen-address="]
    command = ["sh", str(START), str(template), str(folder), program, *options]
    seen = {"PATH": os.environ["PATH"], **environment}
    with (folder / "log").open("w") as log, subprocess.Popen(command, env=seen, stderr=log, stdout=log) as process:
        try:
            until(lambda: answers(f"http://{address}/-/ready"), (folder / "log").read_text)
            yield f"http://{address}"
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def until(holds: Any, why: Any) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@pytest.mark.monitoring
def test_a_real_one_tells_causes_at_once_and_not_what_follows_from_them(tmp_path: Path, receiver: Receiver) -> None:
    template = tmp_path / "template.yml"
    template.write_text(re.sub(r"group_wait: \w+", "group_wait: 1s", TEMPLATE.read_text()))
    found = [("PostgresAway", "critical"), ("NoWorkers", "critical"), ("LlmAway", "warning"), ("Watchdog", "none")]
    posted = [{"labels": {"alertname": name, "severity": grave, "project": "p"}} for name, grave in found]
    with running(tmp_path, template, {"ALERT_WEBHOOK_URL": receiver.url}) as url:
        assert httpx.post(f"{url}/api/v2/alerts", json=posted, timeout=30).is_success
        until(lambda: len(receiver.alerts) >= 2, lambda: receiver.alerts)
        kept = httpx.get(f"{url}/api/v2/alerts", params={"active": "false", "inhibited": "true"}, timeout=30).json()
    assert sorted(receiver.alerts) == [("LlmAway", "firing"), ("PostgresAway", "firing")]
    assert [alert["labels"]["alertname"] for alert in kept] == ["NoWorkers"]
