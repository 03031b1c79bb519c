"""Render every overlay and example of deployments/ and say what is wrong, without a cluster, and if asked to on one."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import kube_flows
import kube_hardening
import kube_kinds
import kube_lifecycle
import kube_monitors
import kube_ports
import kube_references
import kube_rules
import kube_settings
from console import Refusal, answer, note, reported
from kube_server import Server
from kube_trial import Trial
from manifests import DEPLOYMENTS, Manifests, pods, render
from project_parts import fill_overlay

CHECKS: dict[str, Callable[[Manifests], Iterator[str]]] = {
    "kinds and schemas": kube_kinds.faults,
    "hardening": kube_hardening.faults,
    "references": kube_references.faults,
    "settings": kube_settings.faults,
    "ports": kube_ports.faults,
    "network policies": kube_flows.faults,
    "lifecycle": kube_lifecycle.faults,
    "monitors": kube_monitors.faults,
}
NO_DIGEST = "sha256:" + "0" * 64
# An instance that new-project.sh has yet to make.
NEXT = "pro10"


def folders() -> list[Path]:
    """What is applied as a whole: the overlays, and the examples of whole instances."""
    found = [*DEPLOYMENTS.glob("overlays/*/kustomization.yaml"), *DEPLOYMENTS.glob("examples/*/kustomization.yaml")]
    # Hidden ones are drafts that are being checked at this moment.
    return sorted(file.parent for file in found if not file.parent.name.startswith("."))


def faults(manifests: Manifests) -> list[str]:
    """What each check finds."""
    return [f"{name}: {fault}" for name, check in CHECKS.items() for fault in check(manifests)]


def unpinned(manifests: Manifests) -> list[str]:
    """Images whose digest somebody has yet to write down."""
    images = {str(container["image"]) for pod in pods(manifests) for container in pod.containers}
    return sorted(image.partition("@")[0] for image in images if image.endswith(NO_DIGEST))


def check(folder: Path) -> int:
    """Say how one folder is; how many faults it has."""
    name = folder.name
    manifests = render(folder)
    found = faults(manifests)
    for fault in found:
        note(f"{name}: {fault}")
    if images := unpinned(manifests):
        note(f"{name}: no digest yet of {', '.join(images)}")
    answer(f"{name}: {len(manifests)} objects, {len(list(pods(manifests)))} kinds of pods, {len(found)} faults")
    return len(found)


def check_all(wanted: Sequence[Path]) -> int:
    """Every folder, the rules, and the overlay of the next instance."""
    found = sum(check(folder) for folder in wanted)
    for fault in kube_rules.faults():
        note(fault)
        found += 1
    # Beside the others, since it refers to the base by a relative path.
    with tempfile.TemporaryDirectory(dir=DEPLOYMENTS / "overlays", prefix=".next-") as place:
        fill_overlay(Path(place), NEXT)
        found += check(Path(place))
    return 1 if found else 0


def try_all(server: Server, wanted: Sequence[Path]) -> int:
    """Every folder on a running API server."""
    return 1 if sum(Trial(server, folder.name).run(render(folder)) for folder in wanted) else 0


def run(options: argparse.Namespace) -> int:
    """What the command line asks for."""
    server = Server(options.api_server) if options.api_server else None
    if server:
        note(f"the API server is Kubernetes {'.'.join(map(str, server.version))}")
    if options.write:
        kube_rules.write()
    wanted = folders()
    if options.project:
        wanted = [folder for folder in wanted if folder.name == options.project]
        if not wanted:
            raise Refusal(f"no overlay '{options.project}'; there are: {' '.join(one.name for one in folders())}")
    return check_all(wanted) or (try_all(server, wanted) if server else 0)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="check-deployments", description=__doc__)
    parser.add_argument("--project", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--api-server", type=Path, default=None)
    return reported(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
