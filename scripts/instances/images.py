"""The images of an instance: ours are built when their source changed, the others are pulled when they are absent."""

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from compose import Service, docker_environment, execute, execute_docker, last_line
from console import Refusal, note
from instance import ROOT, Instance

LABEL = "ai-platform.source-digest"
LAST_LINES = 15
WORD_EVERY_SECONDS = 30
# Where a person names another image.
VARIABLES = {
    "postgres": "POSTGRES_IMAGE",
    "redis": "REDIS_IMAGE",
    "object-store": "S3_IMAGE",
    "prometheus": "PROMETHEUS_IMAGE",
    "grafana": "GRAFANA_IMAGE",
    "alertmanager": "ALERTMANAGER_IMAGE",
    "edge": "EDGE_IMAGE",
}
_COPIED = re.compile(r"^COPY (?!--)(\S+) ", re.MULTILINE)
_STEP = re.compile(r"^(?:Step \d+/\d+ : |#\d+ (?=\[))(.+)$", re.MULTILINE)
# As in .dockerignore.
_LEFT_OUT = re.compile(r"(^|/)(__pycache__|tests|\.[^/]*_cache)(/|$)|^shared/testing/")


@dataclass(frozen=True)
class Build:
    """One of our images: its name, its target in the Dockerfile and the image it starts from."""

    image: str
    target: str
    base: str


def source_digest(code: Path, base: str) -> str:
    """A digest over all that goes into our images."""
    digest = hashlib.sha256(base.encode())
    for path in sorted(_sources(code)):
        name = path.relative_to(code).as_posix()
        digest.update(f"\0{name}\0{os.access(path, os.X_OK)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _sources(code: Path) -> Iterator[Path]:
    yield from (code / "Dockerfile", code / ".dockerignore")
    for name in set(_COPIED.findall((code / "Dockerfile").read_text())):
        place = code / name
        inside = place.rglob("*") if place.is_dir() else (place,)
        yield from (path for path in inside if path.is_file() and not _is_left_out(path.relative_to(code)))


def _is_left_out(path: Path) -> bool:
    return bool(_LEFT_OUT.search(path.as_posix()))


def ensure_images(instance: Instance, services: Mapping[str, Service]) -> None:
    """Have every image that these services need on the engine, before any of them is started.

    Raises:
        Refusal: an image cannot be pulled or built; names it, and the variable that replaces it.
    """
    ours = {} if instance.values.get("IMAGE_REGISTRY") else _ours(services)
    digests = {build.base: source_digest(instance.code, build.base) for build in ours.values()}
    outdated = [build for build in ours.values() if _label(build.image) != digests[build.base]]
    wanted = {one.image: _variable(one) for one in services.values() if one.image not in ours}
    wanted |= {build.base: "PYTHON_IMAGE" for build in outdated}
    _pull(instance, {image: variable for image, variable in wanted.items() if _label(image) is None})
    for build in outdated:
        _build(instance, build, digests[build.base])


def _ours(services: Mapping[str, Service]) -> dict[str, Build]:
    built = [one for one in services.values() if one.target]
    return {one.image: Build(one.image, one.target, one.build_arguments["PYTHON_IMAGE"]) for one in built}


def _variable(service: Service) -> str:
    return VARIABLES.get(service.name, "IMAGE_REGISTRY or IMAGE_TAG")


def _label(image: str) -> str | None:
    """The image's digest label; None when the engine has no such image."""
    done = execute_docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    if done.returncode != 0:
        return None
    return str((json.loads(done.stdout) or {}).get(LABEL, ""))


def _pull(instance: Instance, absent: Mapping[str, str]) -> None:
    if not absent:
        return
    note(f"{instance.name}: pulling {', '.join(absent)}")
    with ThreadPoolExecutor(max_workers=len(absent)) as pool:
        failures = dict(zip(absent, pool.map(_pull_one, absent), strict=True))
    lines = [
        f"{image} could not be pulled: name one that you can reach with {absent[image]} in {instance.env_file} ({why})"
        for image, why in failures.items()
        if why
    ]
    if lines:
        raise Refusal(f"{instance.name}: nothing was started:\n  " + "\n  ".join(lines))


def _pull_one(image: str) -> str:
    done = execute_docker("pull", "--quiet", image)
    return last_line(done.stderr) if done.returncode else ""


def _build(instance: Instance, build: Build, digest: str) -> None:
    log = instance.logs / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    note(f"{instance.name}: building {build.image} (minutes the first time, then seconds; {log})")
    begun = time.monotonic()
    arguments = {"PYTHON_IMAGE": build.base, "REVISION": revision(), "SOURCE_DIGEST": digest}
    command = ["docker", "build", "--target", build.target, "--tag", build.image]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    if _watch([*command, "."], instance, log) != 0:
        end = "\n    ".join(_end_of(log, LAST_LINES))
        raise Refusal(f"{instance.name}: {build.image} was not built, nothing was started; {log} ends with:\n    {end}")
    note(f"{instance.name}: {build.image} built in {time.monotonic() - begun:.0f} s")


def _watch(command: list[str], instance: Instance, log: Path) -> int:
    """Run it with its output in the log, and say now and then how far it is."""
    with log.open("w") as file, subprocess.Popen(
        command, cwd=instance.code, env=builder_environment(), stdout=file, stderr=subprocess.STDOUT
    ) as process:  # fmt: skip
        while True:
            try:
                return process.wait(WORD_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                note(f"  still building: {_step_of(log)[:100]}")


def builder_environment() -> dict[str, str]:
    """The older builder is asked for by name where docker lacks the plugin of the newer."""
    environment = docker_environment()
    if "DOCKER_BUILDKIT" not in environment and execute_docker("buildx", "version").returncode != 0:
        environment["DOCKER_BUILDKIT"] = "0"
    return environment


def _step_of(log: Path) -> str:
    """The step that is under way, as either builder writes it."""
    steps = _STEP.findall(log.read_text(errors="replace"))
    return str(steps[-1]) if steps else "not yet at its first step"


def _end_of(log: Path, lines: int) -> Collection[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-lines:]


def revision() -> str:
    """The commit of this checkout, marked when files differ from it; unknown without git."""
    try:
        done = execute(
            ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"), docker_environment(), ROOT
        )
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
