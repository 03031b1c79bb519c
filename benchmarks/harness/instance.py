"""A private instance of the project, started, described and removed by the project's own launcher."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .paths import PROJECT, ROOT, SCRATCH
from .usage import family

NAME = "bench1"
# Its ports are out of the way of the instances of the checkout and of those that the tests start.
NUMBER = 70
RUN = ROOT / ".run" / NAME
GATEWAY, DATA_SERVICE, AI_SERVICE = (f"{name}.app.main:app" for name in ("api-gateway", "data-service", "ai-service"))
DATA_WORKER = "data-service.app.worker"
OUT_OF_REACH = {f"RATE_LIMIT_{name}": "1000000000" for name in ("DEFAULT", "ANONYMOUS", "AUTH")}
QUIET = {"RAY_ENABLED": "false"}


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance, by what its .env says."""

    values: Mapping[str, str]

    @property
    def gateway_url(self) -> str:
        """Where its gateway answers."""
        return f"http://127.0.0.1:{self.values['API_GATEWAY_PORT']}"

    @property
    def database_url(self) -> str:
        """Its database, as libpq writes it."""
        return self.values["DATABASE_URL"].replace("+asyncpg", "")

    @property
    def redis_url(self) -> str:
        """Its Redis."""
        return self.values["REDIS_URL"]

    def pid(self, program: str) -> int:
        """The process whose command line names `program`, for instance `GATEWAY`."""
        for process in family(int((RUN / "supervisord.pid").read_text())):
            if program in process.cmdline():
                return int(process.pid)
        raise BenchError(f"{NAME} runs no {program}: see ./scripts/status.sh --project {NAME}")


@contextmanager
def running(changes: Mapping[str, str]) -> Iterator[Instance]:
    """A new instance with these settings changed, all its services ready; removed with its data at the end."""
    with prepared(changes):
        _launcher("up", "--project", NAME)
        yield Instance(read_env())


@contextmanager
def prepared(changes: Mapping[str, str]) -> Iterator[None]:
    """The instance's .env alone, so that a start of it is a first start; removed with what was started at the end."""
    if (RUN / "supervisord.pid").exists():
        raise BenchError(
            f"{NAME} exists: another benchmark runs, or remove it: ./scripts/stop-dev.sh --project {NAME} --purge --yes"
        )
    _launcher("env", "--name", NAME, "--number", str(NUMBER), "--code", PROJECT.name)
    _change_env(changes)
    try:
        yield
    finally:
        _keep_logs()
        _launcher("down", "--project", NAME)
        _launcher("purge", "--project", NAME)


def project_python() -> Path:
    """The interpreter of the environment that setup.sh made; VENV names another one, as it does for the scripts."""
    python = Path(os.environ.get("VENV", ROOT / ".venv")) / "bin" / "python"
    if not python.exists():
        raise BenchError("the project is not set up: run ./scripts/setup.sh")
    return python


def env_file() -> Path:
    """The settings of the private instance."""
    return RUN / ".env"


def read_env() -> dict[str, str]:
    """The assignments of the instance's .env."""
    pairs = re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", env_file().read_text(), re.MULTILINE)
    return {name: value.strip().strip("\"'") for name, value in pairs}


def _change_env(changes: Mapping[str, str]) -> None:
    text = env_file().read_text()
    for name, value in changes.items():
        text = re.sub(rf"^#?{name}=.*$", "", text, flags=re.MULTILINE) + f"{name}={value}\n"
    env_file().write_text(text)


def _keep_logs() -> None:
    """The logs outlive the instance, for whoever wonders why a run failed."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(SCRATCH / "logs", ignore_errors=True)
    if (RUN / "logs").exists():
        shutil.copytree(RUN / "logs", SCRATCH / "logs")


def _launcher(*arguments: str) -> None:
    command = [str(project_python()), str(ROOT / "scripts" / "instances"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the launcher could not do '{' '.join(arguments)}':\n{done.stderr.strip()}")
