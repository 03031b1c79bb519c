"""Both instances in containers, from a copy of the checkout; scripts/test.sh --containers prepares what they need."""

import sys
from collections.abc import Iterator

import pytest

from .fleet import House, docker, script, versions
from .tree import NUMBERS, compose_name, make_tree

# With images to build and two instances to start.
TIMEOUT_SECONDS = 1200
# What ends an instance comes last.
ORDER = ("test_files", "test_up", "test_inside", "test_jobs", "test_reload", "test_kills", "test_data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.parent.name == "containers"]
    for item in here:
        item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))
    items[:] = [item for item in items if item not in here] + sorted(here, key=lambda item: ORDER.index(item.path.stem))


@pytest.fixture(scope="session")
def tree() -> None:
    """The copy, with what an earlier run left of its instances removed."""
    for project in NUMBERS:
        House(project).remove()
    make_tree(sys.executable)


@pytest.fixture(scope="session")
def fleet(tree: None) -> Iterator[dict[str, House]]:
    """Both instances, up and green."""
    houses = {project: House(project) for project in NUMBERS}
    try:
        done = script("start-dev.sh", "--docker", "--project", "all", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        yield houses
    finally:
        for house in houses.values():
            house.remove()


@pytest.fixture(scope="session", params=list(NUMBERS))
def house(request: pytest.FixtureRequest, fleet: dict[str, House]) -> House:
    """Each of them."""
    return fleet[request.param]


@pytest.fixture(scope="session")
def first(fleet: dict[str, House]) -> House:
    return fleet["pro1"]


@pytest.fixture(scope="session")
def second(fleet: dict[str, House]) -> House:
    return fleet["pro2"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.stats.get("passed", [])
    # Those that read files alone need no engine.
    if not any(report.nodeid.startswith("tests/containers/test_up.py") for report in passed):
        return
    sizes = docker("image", "ls", "--format", "{{.Size}}\t{{.Repository}}:{{.Tag}}", f"{compose_name('pro1')}-*")
    terminalreporter.write_line(f"Compose: {', '.join(version.name for version in versions())}; images:")
    for line in sorted(sizes.splitlines()):
        terminalreporter.write_line(f"  {line}")
