"""Data outlives containers, whichever Compose makes them, and ends with a purge."""

import hashlib

import httpx
import pytest

from ..e2e.api import PASSWORD, Api
from .fleet import House, script, until, versions

pytestmark = pytest.mark.containers

CSV = b"id,price\n" + b"".join(b"%d,%d\n" % (n, n * 7919 % 1009) for n in range(500))


def content_of(api: Api, dataset_id: str) -> str:
    answer = api.client.get(f"/datasets/{dataset_id}/download", params={"format": "csv"})
    return hashlib.sha256(answer.raise_for_status().content).hexdigest()


def test_data_is_kept_over_down_and_up(second: House) -> None:
    api = Api(second.gateway).signed_up()
    dataset = api.upload(api.project(), CSV)
    before = content_of(api, dataset["id"])
    api.client.close()
    stopped = script("stop-dev.sh", "--docker", "--project", second.project, "--yes")
    assert stopped.returncode == 0, stopped.stderr
    assert second.things("container", "--all") == []
    assert second.things("volume") != []
    # The other version of Compose, where there is one, starts what the first has made.
    started = script("start-dev.sh", "--docker", "--project", second.project, "--yes", version=versions()[-1])
    assert started.returncode == 0, started.stderr
    again = Api(second.gateway).log_in(api.email, PASSWORD)
    assert content_of(again, dataset["id"]) == before
    again.client.close()


def test_a_purge_leaves_nothing_of_one_and_all_of_the_other(first: House, second: House) -> None:
    done = script("stop-dev.sh", "--docker", "--project", second.project, "--purge", "--yes", version=versions()[-1])
    assert done.returncode == 0, done.stderr
    assert [second.things("container", "--all"), second.things("volume"), second.things("network")] == [[], [], []]
    until(lambda: httpx.get(f"{first.gateway}/ready").is_success)
