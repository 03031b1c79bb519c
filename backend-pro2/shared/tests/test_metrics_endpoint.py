"""Who is shown the figures, and that the list of them holds nothing without bounds."""

import httpx
import pytest
from prometheus_client import Gauge

from shared.config import Settings
from shared.metrics import REGISTRY
from shared.metrics.catalogue import entries
from shared.testing.things_app import create_app

SETTINGS = Settings(trusted_proxies=("10.9.0.0/16",), metrics_allow=("10.0.0.0/8",), _env_file=None)
# What a label may be: each has few values, whatever people do. No ids, users, projects of theirs, paths or messages.
LABELS = {
    *("method", "path", "status", "part", "state", "kind", "outcome", "operation", "direction", "queue", "reason"),
    *("service", "version", "project", "instance", "model", "policy", "cache", "level", "place", "store"),
    *("generation", "implementation", "major", "minor", "patchlevel"),
}
ENDINGS = {"counter": ("_total",), "histogram": ("_seconds", "_bytes"), "gauge": ("",)}


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "is_shown"),
    [
        ("10.1.2.3", None, True),
        ("10.1.2.3", "203.0.113.9", True),
        ("203.0.113.9", "10.1.2.3", False),
        ("10.9.0.1", None, True),
        ("10.9.0.1", "203.0.113.9", False),
        ("10.9.0.1", "10.1.2.3", False),
    ],
)
async def test_figures_are_shown_to_allowed_peers_and_to_nobody_through_a_proxy(
    peer: str, forwarded_for: str | None, is_shown: bool
) -> None:
    transport = httpx.ASGITransport(create_app(SETTINGS), client=(peer, 1))
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == (200 if is_shown else 404)
    assert ("http_requests_active" in answer.text) is is_shown


def test_labels_are_of_few_values() -> None:
    assert {label for entry in entries() for label in entry.labels} <= LABELS


def test_each_is_named_once_by_its_unit_and_said_to_mean_something() -> None:
    listed = entries()
    assert len({entry.name for entry in listed}) == len(listed)
    for entry in listed:
        assert entry.name.endswith(ENDINGS[entry.kind]), entry.name
        assert entry.meaning, entry.name


def test_gauges_of_several_processes_can_become_one() -> None:
    entries()
    gauges = [found for found in REGISTRY._collector_to_names if isinstance(found, Gauge)]
    assert len(gauges) > 3
    assert [gauge._name for gauge in gauges if gauge._multiprocess_mode in {"all", "liveall"}] == []
