"""/projects/{id}/webhooks over the real servers: kept, shown to those who may see, changed by editors."""

import asyncio
from uuid import uuid4

import pytest
from httpx import AsyncClient

from shared.database import Database

from ..app.core.webhook_secrets import key_of, shown
from .people import Person, register
from .staff import code, run, said, value
from .test_projects import ABSENT, create, join

pytestmark = pytest.mark.integration

URL = "https://hooks.example.com/a/b?token=s3cr3t"
EVENTS = ["task.succeeded", "dataset.ready"]
REFUSED = [
    *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/"),
    *("http://localhost/", "http://LOCALHOST:8000/x", "http://a.localhost/", "http://0.0.0.0/", "http://0/"),
    *("http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/", "http://169.254.169.254/"),
    *("http://[::1]/", "http://[::]/", "http://[fe80::1]/", "http://[fd00::1]/", "http://[::ffff:127.0.0.1]/"),
    *("http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://redis:6379/"),
    *("http://metadata.google.internal/", "http://printer.local/", "ftp://example.org/", "file:///etc/passwd"),
    *("gopher://example.org/", "http://user@example.org/", "http://user:pw@example.org/", "http://example.org:0/"),
    *("//example.org/", "example.org", "http://", "http://\uff11\uff12\uff17.0.0.1/", "javascript:alert(1)"),
]

BAD: tuple[dict[str, object], ...] = (
    {"events": []},
    {"events": ["task.began"]},
    {"events": ["*"]},
    {"events": "task.failed"},
    {"url": ""},
    {"url": "https://a.example/" + "x" * 2048},
    {"url": "https://a.example/\n"},
    {"secret": "short"},
    {"secret": "whsec_AAAA"},
    {"secret": "short\nbut with a break"},
    {"description": "x" * 1001},
    {"x": 1},
)


async def make(person: Person, project: str, **more: object) -> dict[str, object]:
    body = {"url": URL, "events": EVENTS, **more}
    answer = await person.call("POST", f"/projects/{project}/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


@pytest.fixture
async def project(ada: Person) -> str:
    return await create(ada)


class TestCreate:
    async def test_the_secret_is_shown_once(self, ada: Person, project: str, database: Database) -> None:
        body = {"url": URL, "events": [*EVENTS, EVENTS[0]], "description": "é"}
        answer = await ada.call("POST", f"/projects/{project}/webhooks", json=body)
        made = answer.json()
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        assert (made["url"], made["events"], made["is_active"], made["failures"]) == (URL, EVENTS, True, 0)
        assert len(key_of(made["secret"])) == 32
        read = await ada.client.get(answer.headers["location"], headers=ada.headers)
        assert read.headers["etag"] == answer.headers["etag"]
        assert {**read.json(), "secret": made["secret"]} == made
        page = await ada.call("GET", f"/projects/{project}/webhooks")
        assert page.json() == {"items": [read.json()], "next_cursor": None}
        sealed = await value(database, "SELECT secret FROM webhooks")
        assert key_of(made["secret"]) not in sealed
        export = await ada.call("POST", "/users/me/export")
        assert [hook["url"] for hook in export.json()["webhooks"]] == [URL]
        assert made["secret"] not in export.text

    async def test_a_secret_of_one_s_own(self, ada: Person, project: str) -> None:
        for given in ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "my own long secret"):
            assert (await make(ada, project, secret=given))["secret"] == shown(key_of(given))

    async def test_bad_bodies(self, ada: Person, project: str) -> None:
        for change in BAD:
            body = {"url": URL, "events": EVENTS, **change}
            answer = await ada.call("POST", f"/projects/{project}/webhooks", json=body)
            assert code(answer) == (422, "validation_failed"), change
            assert "short" not in answer.text

    async def test_urls_that_lead_inside(self, ada: Person, project: str, database: Database) -> None:
        made = await make(ada, project)
        for url in REFUSED:
            body = {"url": url, "events": EVENTS}
            answers = [
                await ada.call("POST", f"/projects/{project}/webhooks", json=body),
                await ada.call("PATCH", f"/projects/{project}/webhooks/{made['id']}", json={"url": url}),
            ]
            assert [code(answer) for answer in answers] == [(422, "url_refused")] * 2, url
        assert await value(database, "SELECT array_agg(url) FROM webhooks") == [URL]

    async def test_at_most_twenty(self, ada: Person, project: str) -> None:
        for _ in range(18):
            await make(ada, project)
        body = {"url": URL, "events": EVENTS}
        calls = (ada.call("POST", f"/projects/{project}/webhooks", json=body) for _ in range(5))
        answers = await asyncio.gather(*calls)
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
        assert {code(answer)[1] for answer in answers if answer.status_code == 409} == {"too_many_webhooks"}
        page = (await ada.call("GET", f"/projects/{project}/webhooks?limit=15")).json()
        rest = await ada.call("GET", f"/projects/{project}/webhooks?limit=15&cursor={page['next_cursor']}")
        assert (len(page["items"]), len(rest.json()["items"])) == (15, 5)

    async def test_repeated(self, ada: Person, project: str) -> None:
        headers, body = {"idempotency-key": str(uuid4())}, {"url": URL, "events": EVENTS}
        place = f"/projects/{project}/webhooks"
        first, second = [await ada.call("POST", place, json=body, headers=headers) for _ in range(2)]
        assert (first.json(), first.headers["etag"]) == (second.json(), second.headers["etag"])
        assert len((await ada.call("GET", place)).json()["items"]) == 1


class TestChange:
    async def test_members(self, ada: Person, project: str) -> None:
        made = await make(ada, project)
        place = f"/projects/{project}/webhooks/{made['id']}"
        before = await ada.call("GET", place)
        change = {"events": ["task.failed"], "url": "https://else.example/", "description": "now here"}
        changed = await ada.call("PATCH", place, json=change, headers={"if-match": before.headers["etag"]})
        assert changed.status_code == 200, changed.text
        assert change.items() <= changed.json().items()
        read = await ada.call("GET", place, headers={"if-none-match": changed.headers["etag"]})
        assert read.status_code == 304
        for method in ("PATCH", "DELETE"):
            stale = await ada.call(method, place, headers={"if-match": before.headers["etag"]}, json={})
            assert code(stale) == (412, "precondition_failed")
        assert (await ada.call("DELETE", place)).status_code == 204
        assert (await ada.call("GET", place)).status_code == 404

    async def test_off_and_on_forgets_failures(self, ada: Person, project: str, database: Database) -> None:
        made = await make(ada, project)
        place = f"/projects/{project}/webhooks/{made['id']}"
        await run(database, "UPDATE webhooks SET failures = 10, is_active = false, disabled_reason = 'gone'")
        kept = (await ada.call("PATCH", place, json={"description": "x"})).json()
        assert (kept["is_active"], kept["disabled_reason"], kept["failures"]) == (False, "gone", 10)
        back = (await ada.call("PATCH", place, json={"is_active": True})).json()
        assert (back["is_active"], back["disabled_reason"], back["failures"]) == (True, None, 0)

    async def test_rotation(self, ada: Person, project: str) -> None:
        made = await make(ada, project)
        place = f"/projects/{project}/webhooks/{made['id']}/secret"
        headers = {"idempotency-key": str(uuid4())}
        first, again = [await ada.call("POST", place, json={}, headers=headers) for _ in range(2)]
        assert (first.status_code, first.json()) == (200, again.json())
        assert first.json()["secret"] != made["secret"]
        assert first.json()["previous_until"] is not None
        gone = await ada.call("POST", place, json={"previous_hours": 0, "secret": "my own long secret"})
        assert gone.json() == {"secret": shown(b"my own long secret"), "previous_until": None}


class TestRoles:
    async def test_strangers_viewers_editors(
        self, client: AsyncClient, ada: Person, bob: Person, project: str, database: Database
    ) -> None:
        made, carl = await make(ada, project), await register(client, "carl@example.com")
        hooks, mine = f"/projects/{project}/webhooks", f"/projects/{project}/webhooks/{made['id']}"
        sent = (await ada.call("POST", f"{mine}/test")).json()
        body = {"url": URL, "events": EVENTS}
        reads = [("GET", hooks, None), ("GET", mine, None)]
        deliveries = [("GET", f"{mine}/deliveries", None), ("GET", f"{mine}/deliveries/{sent['id']}", None)]
        writes = [
            *(
                ("POST", hooks, body),
                ("PATCH", mine, {}),
                ("POST", f"{mine}/secret", {}),
                ("POST", f"{mine}/test", None),
            ),
            *(("POST", f"{mine}/deliveries/{sent['id']}/replay", None), ("DELETE", mine, None)),
        ]
        for method, path, content in [*reads, *deliveries, *writes]:
            answer = await bob.call(method, path, json=content)
            absent = await bob.call(method, path.replace(project, ABSENT), json=content)
            assert (answer.status_code, said(answer)) == (404, said(absent)), (method, path)
        await join(ada, project, bob, "viewer")
        await join(ada, project, carl, "editor")
        for method, path, content in reads:
            answer = await bob.call(method, path, json=content)
            assert (answer.status_code, "s3cr3t" in answer.text) == (200, False), answer.text
            assert "https://hooks.example.com/" in answer.text
        for method, path, content in [*deliveries, *writes]:
            assert code(await bob.call(method, path, json=content)) == (403, "forbidden"), (method, path)
        for method, path, content in [*reads, *deliveries, *writes]:
            assert (await carl.call(method, path, json=content)).is_success, (method, path)

    async def test_what_hangs_on_another_project_is_absent(self, ada: Person, project: str) -> None:
        other = await create(ada)
        made, second = await make(ada, project), await make(ada, project)
        sent = (await ada.call("POST", f"/projects/{project}/webhooks/{made['id']}/test")).json()
        for method, path in (
            ("GET", f"/projects/{other}/webhooks/{made['id']}"),
            ("DELETE", f"/projects/{other}/webhooks/{made['id']}"),
            ("POST", f"/projects/{other}/webhooks/{made['id']}/test"),
            ("GET", f"/projects/{project}/webhooks/{second['id']}/deliveries/{sent['id']}"),
            ("POST", f"/projects/{project}/webhooks/{second['id']}/deliveries/{sent['id']}/replay"),
            ("GET", f"/projects/{project}/webhooks/{ABSENT}/deliveries"),
        ):
            assert code(await ada.call(method, path)) == (404, "not_found"), path

    async def test_an_archived_project_is_read_only(self, ada: Person, project: str) -> None:
        made = await make(ada, project)
        place = f"/projects/{project}/webhooks/{made['id']}"
        await ada.call("POST", f"/projects/{project}/archive")
        for method, path, body in (
            ("POST", f"/projects/{project}/webhooks", {"url": URL, "events": EVENTS}),
            ("PATCH", place, {}),
            ("DELETE", place, None),
            ("POST", f"{place}/secret", {}),
            ("POST", f"{place}/test", None),
        ):
            assert code(await ada.call(method, path, json=body)) == (409, "project_archived"), (method, path)
        assert (await ada.call("GET", f"{place}/deliveries")).status_code == 200
