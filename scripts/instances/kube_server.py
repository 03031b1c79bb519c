"""A cluster's API server, asked by kubectl: what it knows, and what it refuses."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from console import Refusal
from manifests import Manifest, Manifests, kubectl

Warned = Callable[[str], None]

# A server that hangs is told as one; a whole instance is admitted in seconds.
PATIENCE_SECONDS = 60
UNKNOWN = re.compile(r"NotFound|could not find the requested resource")
# What kubectl says of the pipe that it reads from tells nobody anything.
_PIPE = re.compile(r"^(?:error|Error from server \((?P<reason>\w+)\)): (?:error (?:when \w+|validating) \"STDIN\": )?")
_WARNING = "Warning: "


@dataclass(frozen=True)
class Refused:
    """One object that the server does not take, and its words."""

    manifest: Manifest
    words: str


class Server:
    """The server of a kubeconfig's current context."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._kinds: dict[str, set[str]] = {}

    @cached_property
    def version(self) -> tuple[int, int]:
        """Like 1, 27.

        Raises:
            Refusal: there is no such file, or nobody answers; holds what kubectl said.
        """
        if not self._kubeconfig.is_file():
            raise Refusal(f"there is no kubeconfig {self._kubeconfig}")
        told = json.loads(self._asked("get", "--raw", "/version"))
        # Some distributions write 27+.
        return int(re.sub(r"\D", "", told["major"])), int(re.sub(r"\D", "", told["minor"]))

    def kinds(self, api: str) -> set[str]:
        """The kinds that it knows of a version of an API; none if it does not know the version."""
        if api not in self._kinds:
            done = self._run("get", "--raw", f"/api/{api}" if "/" not in api else f"/apis/{api}")
            if done.returncode and not UNKNOWN.search(done.stderr):
                raise Refusal(f"the server does not say what it knows of {api}: {done.stderr.strip()}")
            resources = [] if done.returncode else json.loads(done.stdout)["resources"]
            self._kinds[api] = {resource["kind"] for resource in resources if "/" not in resource["name"]}
        return self._kinds[api]

    def apply(self, manifests: Manifests, *, dry_run: bool, warned: Warned = lambda _: None) -> list[Refused]:
        """Have it take objects, or only say whether it would; those that it refuses."""
        if not manifests:
            return []
        words = self._applied(manifests, dry_run, warned)
        if not words or len(manifests) == 1:
            return [Refused(manifests[0], words)] if words else []
        # One by one they cannot be confused.
        return [one for manifest in manifests for one in self.apply([manifest], dry_run=dry_run)]

    def _applied(self, manifests: Manifests, dry_run: bool, warned: Warned) -> str:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one.raw for one in manifests]})
        done = self._run("apply", *(["--dry-run=server"] if dry_run else []), "--filename=-", text=text)
        said = done.stderr.strip().splitlines()
        for line in dict.fromkeys(line for line in said if line.startswith(_WARNING)):
            warned(line.removeprefix(_WARNING))
        refusals = [plain(line) for line in said if not line.startswith(_WARNING)]
        return "; ".join(refusals) or "refused without a word" if done.returncode else ""

    def remove(self, namespace: str) -> None:
        """Have a namespace removed, with all that is in it; the cluster does it in its own time."""
        self._asked("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")

    def _asked(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise Refusal(
                f"the API server: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'silent'}"
            )
        return done.stdout

    def _run(self, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        command: list[Any] = [kubectl(), f"--kubeconfig={self._kubeconfig}", *arguments]
        try:
            return subprocess.run(
                command, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise Refusal(f"the API server has not answered for {PATIENCE_SECONDS} s") from None


def plain(line: str) -> str:
    """What kubectl says of a refusal, without where it read the object from."""
    match = _PIPE.match(line)
    if match is None:
        return line
    reason = f"{match['reason']}: " if match["reason"] else ""
    return reason + line[match.end() :]
