"""A project tells a receiver on this machine what happens in it; the instance allows that by WEBHOOK_NETWORKS."""

import time
from typing import Any

import pytest

from .api import Api
from .receiver import receiver

pytestmark = pytest.mark.e2e

EVENTS = ["dataset.ready", "task.succeeded", "task.failed"]


def test_an_upload_and_an_analysis_are_told_of(api: Api) -> None:
    with receiver() as there:
        project = api.project()
        body = {"url": there.url, "events": EVENTS}
        hook = api.ok("POST", f"/projects/{project}/webhooks", json=body)
        place, secret = f"/projects/{project}/webhooks/{hook['id']}", hook["secret"]

        sent = api.ok("POST", f"{place}/test", params={"wait": 20})
        assert (sent["status"], sent["attempts"][0]["status_code"]) == ("delivered", 200)
        (test,) = there.wait_for(1)
        assert (test.id, test.verified(secret)["type"]) == (sent["message_id"], "webhook.test")

        # The next message is refused once, and comes again about five seconds later.
        there.statuses = [500]
        dataset = api.upload(project, b"a,b\n1,2\n3,5\n4,4\n6,9\n7,7\n")
        task = api.analyse(dataset, "describe", {})
        # The upload's task, its dataset and the analysis, one of them twice.
        messages = there.wait_for(5)[1:]
        ids = [message.id for message in messages]
        (again,) = {one for one in ids if ids.count(one) == 2}
        said = [message.verified(secret) for message in {message.id: message for message in messages}.values()]
        assert sorted(one["type"] for one in said) == ["dataset.ready", "task.succeeded", "task.succeeded"]
        ready = next(one["data"] for one in said if one["type"] == "dataset.ready")
        assert (ready["dataset_id"], ready["version"], ready["rows"]) == (dataset["id"], 1, 5)
        ended = {one["data"]["task_id"] for one in said if one["type"] == "task.succeeded"}
        assert ended == {task["id"], dataset["task_id"]}

        deliveries = settled(api, f"{place}/deliveries")
        assert [one["status"] for one in deliveries] == ["delivered"] * 4
        tried = next(one for one in deliveries if one["message_id"] == again)
        assert [one["status_code"] for one in tried["attempts"]] == [500, 200]

        replayed = api.ok("POST", f"{place}/deliveries/{tried['id']}/replay", params={"wait": 20})
        assert (replayed["status"], replayed["replay_of"]) == ("delivered", tried["id"])
        last = there.wait_for(6)[-1]
        assert (last.id, last.verified(secret)["type"]) == (again, tried["event"])


def settled(api: Api, place: str) -> list[dict[str, Any]]:
    """All deliveries; an answer is noted down a moment after the receiver has given it."""
    until = time.monotonic() + 30
    while True:
        items: list[dict[str, Any]] = api.ok("GET", place)["items"]
        if all(one["status"] != "pending" for one in items) or time.monotonic() > until:
            return items
        time.sleep(0.1)


def test_urls_that_lead_inside_are_refused(api: Api) -> None:
    project = api.project()
    for url in ("http://169.254.169.254/latest/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "ftp://a.example/"):
        body = {"url": url, "events": EVENTS}
        api.refused(422, "url_refused", "POST", f"/projects/{project}/webhooks", json=body)
