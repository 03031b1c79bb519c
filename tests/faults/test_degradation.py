"""While something is away the rest goes on, as docs/degradation.md says: what is quick to see, each for real.

The rest of the table takes minutes, since silence is waited for: `scripts/soak.sh --degradation` sees all of it.
"""

from dataclasses import replace

import pytest

from ..adversarial.places import Place
from .degradation import BESIDE, DOCUMENT, FAULTS, ROUTES, Outcome, cell, document
from .desk import Desk
from .lack import GRACE_SECONDS, Seen, flaws, lacking

QUICK = [
    *(("postgres", False), ("postgres", True), ("redis", True)),
    *(("workers", False), ("llm", True), ("data-service", False)),
]
WELL = {name: Seen(f"{route.status}", 0.1, is_honest=True) for name, route in ROUTES.items()}


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "is_silent"), QUICK)
def test_what_is_answered_without(name: str, is_silent: bool, place: Place, desk: Desk) -> None:
    assert lacking(place, desk, FAULTS[name], is_silent=is_silent) == []


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m tests.faults.degradation --write"


def test_the_table_names_classes_that_there_are() -> None:
    for fault in FAULTS.values():
        assert fault.instead.keys() <= ROUTES.keys()
    project = DOCUMENT.parents[1] / "backend-pro1"
    assert [test for _, test in BESIDE.values() if not (project / test).exists()] == []


def test_what_is_not_named_works_as_ever() -> None:
    assert cell("health", FAULTS["postgres"]) == "·"
    assert cell("job", FAULTS["ray"]).startswith("503 `ray_unavailable`: ")
    assert flaws(WELL, FAULTS["prometheus"], is_silent=False) == []


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (Seen("500 internal_error", 0.1, is_honest=True), "internal_error instead of 503 ray_unavailable"),
        (Seen("202", 0.1, is_honest=True), "202 instead of"),
        (Seen("503 ray_unavailable", 4.1 + GRACE_SECONDS, is_honest=True), "after 29.1 s"),
        (Seen("503 ray_unavailable", 0.1, is_honest=False), "without Retry-After"),
    ],
)
def test_what_is_answered_otherwise_is_found(seen: Seen, word: str) -> None:
    fault = replace(FAULTS["ray"], instead={"job": Outcome(("503 ray_unavailable",), 4.0, 15.0)})
    (flaw,) = flaws({**WELL, "job": seen}, fault, is_silent=False)
    assert word in flaw
