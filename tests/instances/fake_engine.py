"""A docker and a Compose that answer from a table, and remember what they were asked."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIG = """
services:
  postgres: {image: "postgres:15-bookworm", restart: unless-stopped, ports: ["127.0.0.1:5511:5432/tcp"]}
  migrate:
    image: h9-backend:dev
    restart: "no"
    build: {context: ., target: full, args: {PYTHON_IMAGE: "python:3.11-slim-bookworm", REVISION: unknown}}
  api-gateway:
    image: h9-gateway:dev
    restart: unless-stopped
    build: {context: ., target: gateway, args: {PYTHON_IMAGE: "python:3.11-slim-bookworm"}}
    ports: [{mode: ingress, host_ip: 127.0.0.1, target: 8000, published: "15900", protocol: tcp}]
    environment: {ENVIRONMENT: test}
  beat: {image: "h9-backend:dev", restart: unless-stopped}
  ray-head: {image: "h9-backend:dev", restart: unless-stopped, profiles: [ray]}
  grafana: {image: "grafana/grafana:12", restart: unless-stopped, profiles: [grafana]}
"""


class FakeEngine:
    """Answers by the longest beginning of a command that it knows; anything else succeeds with nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.environments: list[Mapping[str, str]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.answer("docker info", "4\n")
        self.answer("docker-compose config", CONFIG)
        self.fail("docker compose", "docker: 'compose' is not a docker command.")
        self.fail("docker buildx", "docker: 'buildx' is not a docker command.")

    def answer(self, command: str, out: str) -> None:
        """Let it succeed."""
        self.answers[command] = (0, out, "")

    def fail(self, command: str, words: str) -> None:
        """Let it fail with these words."""
        self.answers[command] = (1, "", words)

    def holds(self, *containers: dict[str, Any]) -> None:
        """Let it have these containers."""
        self.answer("docker ps --all", "\n".join(facts["Id"] for facts in containers))
        self.answer("docker inspect", json.dumps(containers))

    def execute(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """In the place of `compose.execute`."""
        line = " ".join(command)
        self.asked.append(line)
        self.environments.append(environment)
        known = [beginning for beginning in self.answers if line.startswith(beginning)]
        code, out, words = self.answers[max(known, key=len)] if known else (0, "", "")
        return subprocess.CompletedProcess(list(command), code, out, words)

    def was_asked(self, beginning: str) -> list[str]:
        """What it was asked that begins so."""
        return [line for line in self.asked if line.startswith(beginning)]


def container(service: str, state: str = "running", **more: Any) -> dict[str, Any]:
    """What `docker inspect` says of a container."""
    facts = {
        "Id": more.get("id", f"id-{service}"),
        "Config": {
            "Labels": {
                "com.docker.compose.project": "h9",
                "com.docker.compose.service": service,
                "com.docker.compose.project.working_dir": more.get("folder", ""),
                "com.docker.compose.oneoff": more.get("oneoff", "False"),
            }
        },
        "State": {
            "Status": state,
            "ExitCode": more.get("exit_code", 0),
            "StartedAt": more.get("started_at", "2026-01-01T00:00:00.123456789Z"),
        },
        "RestartCount": more.get("restarts", 0),
        "HostConfig": {
            "PortBindings": {"1/tcp": [{}]} if more.get("is_published") else {},
            "RestartPolicy": {"Name": "no" if more.get("is_job") else "unless-stopped"},
        },
    }
    if health := more.get("health"):
        log = [{"ExitCode": 1, "Output": more.get("complaint", "")}]
        facts["State"]["Health"] = {"Status": health, "Log": log}
    return facts
