"""Tokens after random accidents, straight through the codec: none is accepted, each is refused in order (A20).

The long form: ADVERSARIAL_MUTANTS=1000000 ./scripts/test.sh --e2e -- -k token_mutants
"""

import os
import random
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from .forge import mutant, says_the_same

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

SOURCE = Path(__file__).resolve().parents[2] / "backend-pro1"
MUTANTS = int(os.environ.get("ADVERSARIAL_MUTANTS", "20000"))
SEED = int(os.environ.get("ADVERSARIAL_SEED", str(time.time_ns())))


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The codec of an instance, taken from the source."""
    monkeypatch.syspath_prepend(SOURCE)
    settings = import_module("shared.config").Settings.model_validate({"secret_key": "k" * 40, "project_id": "pro1"})
    return import_module("shared.auth").TokenCodec(settings)


def test_no_mutant_passes(codec: Any) -> None:
    refusal: type[Exception] = import_module("shared.errors").Unauthorized
    good = codec.issue_access(uuid4(), uuid4())
    codec.read_access(good)
    chance = random.Random(SEED)  # noqa: S311 - accidents that can be repeated
    passed = []
    for _ in range(MUTANTS):
        # One accident in four upon another.
        word = mutant(mutant(good, chance) or good, chance) if chance.random() < 0.25 else mutant(good, chance)
        if says_the_same(word, good):
            continue
        for read in (codec.read_access, codec.read_refresh):
            try:
                read(word)
            except refusal:
                continue
            passed.append(word)
    assert passed == [], f"seed {SEED}"
