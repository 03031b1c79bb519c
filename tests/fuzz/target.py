"""The running instance that a campaign is aimed at: one that runs, or one of its own, which is then removed."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from environment import ensure_env
from instance import ROOT, Instance, find, remember
from lifecycle import bring_down, bring_up, locked, purge
from preflight import examine

from ..adversarial.places import Place
from ..faults.stage import CODE, write_settings

NUMBER = 94
# An attacker is not to be stopped by how many requests one may send, nor by what an administrator has not set.
SETTINGS = {
    "BCRYPT_ROUNDS": "10",
    "ADMIN_EMAIL": "admin@example.org",
    "ADMIN_PASSWORD": "of-a-throw-away-instance",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
    "RATE_LIMIT_DEFAULT": "1000000",
    "RATE_LIMIT_ANONYMOUS": "1000000",
    "RATE_LIMIT_AUTH": "1000000",
    "RATE_LIMIT_UPLOAD": "1000000",
    "RATE_LIMIT_LLM": "1000000",
    "WEBHOOK_NETWORKS": "127.0.0.0/8",
}


def add_target(parser: argparse.ArgumentParser) -> None:
    """The options that say where."""
    parser.add_argument("--project", help="an instance that runs; its data is not spared (default: one of its own)")
    parser.add_argument("--number", type=int, default=NUMBER, help="number of an instance of its own")


@contextmanager
def target(options: argparse.Namespace, settings: Mapping[str, str] | None = None) -> Iterator[Place]:
    """The instance named by the options; one of our own has `settings` beside those above and lives as the block."""
    if options.project:
        yield Place(find([options.project])[0])
        return
    instance = Instance(f"fuzz-{options.campaign}", options.number, ROOT / CODE)
    _clear(instance)
    remember(instance)
    ensure_env(instance)
    # Prometheus' own place in the plan of ports is that of other instances' object stores at numbers as high as ours.
    places = {"PROMETHEUS_PORT": str(8000 + 100 * (options.number - 1) + 95)}
    write_settings(instance.env_file, SETTINGS | places | dict(settings or {}))
    # Its values are remembered from the first look.
    instance = replace(instance)
    try:
        with locked(instance):
            selections = examine([instance], {instance.name: instance.values.get("LOCAL_SERVERS") or "auto"})
            bring_up(instance, selections[instance.name], restart=False, servers_only=False)
        yield Place(instance)
    finally:
        bring_down(instance)
    purge(instance)


def _clear(instance: Instance) -> None:
    """Remove what an earlier run left, which may still run."""
    if instance.run.exists():
        bring_down(instance)
        purge(instance)
