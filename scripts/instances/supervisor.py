"""One supervisord per instance: write its configuration, start it, and bring its programs to what that says."""

import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import supervisor_rpc
from console import Refusal
from environment import inherited
from instance import Instance
from layout import socket_folder
from programs import SERVERS, Program

START_SECONDS = 15
STOP_SECONDS = 90
# It never gives up: what a full disk or a lost server keeps from starting comes back with them. Each pause is a second
# longer than the one before.
RETRIES = 1_000_000


@dataclass(frozen=True)
class Process:
    """What supervisord knows about one program."""

    name: str
    state: str
    pid: int
    seconds: int
    complaint: str


class Supervisor:
    """The supervisord of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._conf = instance.run / "supervisord.conf"
        self._socket = socket_folder(instance) / "supervisor.sock"

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        try:
            self._call("supervisor.getState")
        except OSError:
            return False
        return True

    def processes(self) -> dict[str, Process]:
        """Its programs by name; empty when it does not run."""
        try:
            rows: list[dict[str, Any]] = self._call("supervisor.getAllProcessInfo")
        except OSError:
            return {}
        return {row["name"]: _process(row) for row in rows}

    def configure(self, programs: Iterable[Program]) -> None:
        """Write supervisord.conf."""
        self._conf.touch(mode=0o600)
        self._conf.write_text(render(self._instance, self._socket, list(programs)))

    def ensure(self) -> list[str]:
        """Start supervisord if it does not run; returns the programs whose configuration changed, now taken over."""
        if not self.is_running:
            self._launch()
            return []
        added, changed, removed = self._call("supervisor.reloadConfig")[0]
        for name in (*changed, *removed):
            self._call("supervisor.stopProcessGroup", name)
            self._call("supervisor.removeProcessGroup", name)
        for name in (*changed, *added):
            self._call("supervisor.addProcessGroup", name)
        return [*added, *changed, *removed]

    def start(self, names: Iterable[str]) -> list[str]:
        """Start those that do not run; returns their names."""
        known = self.processes()
        idle = [name for name in names if name in known and known[name].state not in {"RUNNING", "STARTING"}]
        for name in idle:
            if known[name].state == "BACKOFF":
                # Its pause may be minutes by now.
                self._try("supervisor.stopProcess", name)
            self._try("supervisor.startProcess", name, False)
        return idle

    def stop(self, names: Iterable[str]) -> None:
        """Stop those that run, all at once, and wait for their end."""
        asked = list(names)
        for name in asked:
            self._try("supervisor.stopProcess", name, False)
        self._wait_for_end_of(asked)

    def shut_down(self) -> bool:
        """Stop everything and supervisord itself; False when it did not run."""
        if not self.is_running:
            return False
        pid = int(self._call("supervisor.getPID"))
        # While their servers are still there.
        self.stop(name for name in self.processes() if name not in SERVERS)
        self._call("supervisor.shutdown")
        _wait_for_exit(pid)
        return True

    def _wait_for_end_of(self, names: list[str]) -> None:
        deadline = time.monotonic() + STOP_SECONDS + self._instance.drain_seconds
        while time.monotonic() < deadline:
            known = self.processes()
            if not any(known[name].state in {"RUNNING", "STOPPING", "STARTING"} for name in names if name in known):
                return
            time.sleep(0.1)

    def _launch(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._conf)]
        done = subprocess.run(command, env=inherited(), cwd="/", capture_output=True, text=True, check=False)
        deadline = time.monotonic() + START_SECONDS
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.is_running:
                return
            time.sleep(0.05)
        raise Refusal(
            f"supervisord did not start:\n{done.stdout}{done.stderr}see {self._instance.logs}/supervisord.log"
        )

    def _call(self, method: str, *arguments: str | bool) -> Any:
        return supervisor_rpc.call(self._socket, method, *arguments)

    def _try(self, method: str, *arguments: str | bool) -> None:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault:
            # Already so, or it failed at once: its state tells, and is looked at next.
            return


def render(instance: Instance, socket_path: Path, programs: list[Program]) -> str:
    """The text of supervisord.conf."""
    head: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": socket_path, "chmod": "0700"},
        "supervisord": {
            "logfile": instance.logs / "supervisord.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": 1,
            "pidfile": instance.run / "supervisord.pid",
            "childlogdir": instance.logs,
            "identifier": instance.name,
            "umask": "077",
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://{socket_path}"},
    }
    if os.geteuid() == 0:
        head["supervisord"]["user"] = "root"
    sections = head | {f"program:{program.name}": _section(instance, program) for program in programs}
    return "\n".join(_ini(name, values) for name, values in sections.items())


def _section(instance: Instance, program: Program) -> dict[str, object]:
    values: dict[str, object] = {
        "command": shlex.join(program.command),
        "directory": program.directory,
        "environment": ",".join(f'{name}="{value}"' for name, value in program.environment.items()),
        # Servers are waited for by start-dev.sh before what needs them is started.
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 1,
        "startretries": RETRIES,
        "stopsignal": program.stop_signal,
        "stopwaitsecs": program.stop_seconds,
        # A signal to Ray's whole group takes it half a minute to digest; its leader cleans up alone.
        "stopasgroup": "true" if program.stop_group else "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": instance.logs / f"{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 3,
    }
    if program.user:
        values["user"] = program.user
    return {name: value for name, value in values.items() if value != ""}


def _ini(name: str, values: dict[str, object]) -> str:
    # supervisord expands % itself.
    lines = [f"{key}={str(value).replace('%', '%%')}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _process(row: dict[str, Any]) -> Process:
    seconds = max(0, int(row["now"]) - int(row["start"])) if row["statename"] in {"RUNNING", "STARTING"} else 0
    return Process(row["name"], row["statename"], int(row["pid"]), seconds, row["spawnerr"] or row["description"])


def _wait_for_exit(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise Refusal(f"supervisord (process {pid}) does not end: look at its log, then end it by hand")
