"""Short profiles of `scripts/fuzz.sh`, always the same: bytes that are no sensible HTTP, and forged credentials."""

from argparse import Namespace
from pathlib import Path

import pytest

from ..fuzz import http, tokens
from ..fuzz.report import Report
from ..fuzz.token_doors import ACCEPTED, knock
from .places import SERVICES, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SOURCE = Path(__file__).resolve().parents[2] / "backend-pro1"
SEED = 20260101
CONVERSATIONS = 200
FORGERIES = 20_000
KNOCKS = 400


def order(count: int) -> Namespace:
    return Namespace(seed=SEED, count=count, part=None, only=None)


async def test_whatever_bytes_come(place: Place) -> None:
    report = await http.attack(place, order(CONVERSATIONS))
    assert report.failures == []
    assert {service: report.outcomes[service].total() for service in SERVICES} == dict.fromkeys(SERVICES, CONVERSATIONS)


def test_no_forgery_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SOURCE)
    report = Report("tokens", SEED)
    tokens.in_process(report, order(FORGERIES))
    assert report.failures == []
    assert all(counts["good, accepted"] for counts in report.outcomes.values())


async def test_no_forgery_opens_a_door(place: Place) -> None:
    report = Report("tokens", SEED)
    await knock(place, iter(range(KNOCKS)), report, tokens.HTTP)
    assert report.failures == []
    assert report.outcomes[tokens.HTTP][ACCEPTED]
