"""Running instances to talk to; scripts/test.sh starts them and names them in E2E_BASE_URLS."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sklearn.datasets import load_diabetes

from .api import Api

Visit = Callable[[str], Api]


@pytest.fixture(scope="session")
def base_urls() -> list[str]:
    return os.environ["E2E_BASE_URLS"].split(",")


@pytest.fixture(scope="session")
def diabetes_csv() -> bytes:
    frame = load_diabetes(as_frame=True).frame
    return bytes(frame.to_csv(index=False).encode())


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Somebody without an account at a gateway."""
    with ExitStack() as stack:

        def visit(base_url: str) -> Api:
            api = Api(base_url)
            stack.callback(api.client.close)
            return api

        yield visit


@pytest.fixture
def api(base_urls: list[str], visit: Visit) -> Api:
    return visit(base_urls[0]).signed_up()


@pytest.fixture
def stranger(base_urls: list[str], visit: Visit) -> Api:
    return visit(base_urls[0]).signed_up()
