"""The whole table of docs/degradation.md, each fault away and silent. `scripts/soak.sh --degradation` runs it."""

import pytest

from ..adversarial.places import Place
from .degradation import FAULTS
from .desk import Desk
from .lack import lacking

CASES = [(name, is_silent) for name, fault in FAULTS.items() for is_silent in (False, True)[: 1 + fault.can_be_silent]]


@pytest.mark.parametrize(("name", "is_silent"), CASES)
def test_what_is_answered_without(name: str, is_silent: bool, place: Place, desk: Desk) -> None:
    assert lacking(place, desk, FAULTS[name], is_silent=is_silent) == []
