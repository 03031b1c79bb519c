"""/api/v1/users/me/profile and /avatar over the real servers."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.object_store import ObjectStore

from .people import Person
from .staff import code, value

pytestmark = pytest.mark.integration

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
GIF = b"GIF89a" + bytes(50)
DEFAULTS: dict[str, Any] = {
    "full_name": None,
    "locale": "en",
    "time_zone": "UTC",
    "preferences": {},
    "avatar_url": None,
}
LARGEST_PICTURE = 512 * 1024


async def change(person: Person, **body: Any) -> dict[str, Any]:
    answer = await person.call("PATCH", "/users/me/profile", json=body)
    assert answer.status_code == 200, answer.text
    profile: dict[str, Any] = answer.json()
    return profile


async def stored(store: ObjectStore) -> list[str]:
    return [entry.key async for entry in store.list("")]


class TestProfile:
    async def test_anonymous(self, client: AsyncClient) -> None:
        for method in ("GET", "PATCH"):
            assert (await client.request(method, "/api/v1/users/me/profile")).status_code == 401

    async def test_reading_gives_defaults_and_writes_nothing(self, ada: Person, database: Database) -> None:
        assert (await ada.call("GET", "/users/me/profile")).json() == DEFAULTS
        assert await value(database, "SELECT count(*) FROM user_profiles") == 0

    async def test_what_is_absent_stays_and_null_resets(self, ada: Person, bob: Person) -> None:
        await change(ada, locale="de-AT", full_name="Ada")
        profile = await change(ada, time_zone="Europe/Vienna")
        assert profile == {**DEFAULTS, "full_name": "Ada", "locale": "de-AT", "time_zone": "Europe/Vienna"}
        assert (await ada.call("GET", "/auth/me")).json()["full_name"] == "Ada"
        assert await change(ada, locale=None, time_zone=None, full_name=None) == DEFAULTS
        assert (await bob.call("GET", "/users/me/profile")).json() == DEFAULTS

    async def test_preferences_are_merged(self, ada: Person) -> None:
        await change(ada, preferences={"theme": "dark", "tables": {"rows": 50, "dense": True}, "n": 1.5})
        merged = await change(ada, preferences={"theme": None, "tables": {"rows": 20}, "é": ["🔬"]})
        assert merged["preferences"] == {"tables": {"rows": 20, "dense": True}, "n": 1.5, "é": ["🔬"]}
        assert (await change(ada, preferences=None))["preferences"] == {}

    async def test_preferences_have_a_size(self, ada: Person) -> None:
        await change(ada, preferences={"a": "x" * 10_000})
        refused = await ada.call("PATCH", "/users/me/profile", json={"preferences": {"b": "x" * 10_000}})
        assert code(refused) == (422, "preferences_too_large")
        assert list((await ada.call("GET", "/users/me/profile")).json()["preferences"]) == ["a"]

    @pytest.mark.parametrize(
        "text",
        [
            '{"preferences": {"a": 1e400}}',
            '{"preferences": {"a": 100000000000000000000000}}',
            '{"preferences": {"a": NaN}}',
            '{"preferences": {"a": "\\u0000"}}',
            '{"preferences": {"a": "\\ud800"}}',
            '{"preferences": [1]}',
            '{"preferences": ' + '{"a":' * 100 + "1" + "}" * 100 + "}",
            '{"locale": "en_GB"}',
            '{"time_zone": "Mars/Phobos"}',
            '{"time_zone": 1}',
            '{"avatar_key": "x"}',
            "[]",
        ],
    )
    async def test_bad_bodies(self, ada: Person, text: str) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await ada.call("PATCH", "/users/me/profile", content=text, headers=headers)
        assert answer.status_code in (400, 422), answer.text

    async def test_parallel_changes_are_all_kept(self, ada: Person) -> None:
        changes = (change(ada, preferences={f"k{number}": number}) for number in range(6))
        await asyncio.gather(*changes)
        kept = (await ada.call("GET", "/users/me/profile")).json()["preferences"]
        assert kept == {f"k{number}": number for number in range(6)}

    async def test_a_stale_writer(self, ada: Person) -> None:
        first = await ada.call("GET", "/users/me/profile")
        tag = first.headers["etag"]
        assert (await ada.call("GET", "/users/me/profile", headers={"If-None-Match": tag})).status_code == 304
        await change(ada, locale="de")
        stale = await ada.call("PATCH", "/users/me/profile", json={"locale": "fr"}, headers={"If-Match": tag})
        assert code(stale) == (412, "precondition_failed")


class TestAvatar:
    async def test_anonymous(self, client: AsyncClient) -> None:
        for method in ("GET", "PUT", "DELETE"):
            assert (await client.request(method, "/api/v1/users/me/avatar")).status_code == 401

    async def test_put_read_replace_delete(self, ada: Person, bob: Person, object_store: ObjectStore) -> None:
        assert code(await ada.call("GET", "/users/me/avatar")) == (404, "not_found")
        put = await ada.call("PUT", "/users/me/avatar", content=PNG, headers={"Content-Type": "text/html"})
        body = {"avatar_url": "/api/v1/users/me/avatar", "media_type": "image/png", "bytes": len(PNG)}
        assert (put.status_code, put.json()) == (200, body)
        assert (await ada.call("GET", "/users/me/profile")).json()["avatar_url"] == body["avatar_url"]
        assert (await bob.call("GET", "/users/me/avatar")).status_code == 404

        (key,) = await stored(object_store)
        assert key.startswith(f"avatars/{ada.user['id']}/")
        await ada.call("PUT", "/users/me/avatar", content=GIF)
        (other,) = await stored(object_store)
        shown = await ada.call("GET", "/users/me/avatar")
        assert (shown.content, shown.headers["content-type"], other == key) == (GIF, "image/gif", False)

        assert (await ada.call("DELETE", "/users/me/avatar")).status_code == 204
        assert await stored(object_store) == []
        assert (await ada.call("DELETE", "/users/me/avatar")).status_code == 404
        assert (await ada.call("GET", "/users/me/profile")).json()["avatar_url"] is None

    async def test_a_browser_can_only_show_it(self, ada: Person) -> None:
        await ada.call("PUT", "/users/me/avatar", content=PNG)
        headers = (await ada.call("GET", "/users/me/avatar")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert headers["cache-control"] == "private, no-cache"
        again = await ada.call("GET", "/users/me/avatar", headers={"If-None-Match": headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        await ada.call("PUT", "/users/me/avatar", content=GIF)
        new = await ada.call("GET", "/users/me/avatar", headers={"If-None-Match": headers["etag"]})
        assert (new.status_code, new.content) == (200, GIF)

    @pytest.mark.parametrize("content", [b"", b"<svg/>", b"<html><script>1</script>", b"GIF", b"%PDF-1.7", bytes(20)])
    async def test_other_kinds(self, ada: Person, object_store: ObjectStore, content: bytes) -> None:
        answer = await ada.call("PUT", "/users/me/avatar", content=content, headers={"Content-Type": "image/png"})
        assert code(answer) == (415, "unsupported_media_type")
        assert await stored(object_store) == []

    async def test_the_size_is_bounded(self, ada: Person) -> None:
        largest = PNG.ljust(LARGEST_PICTURE, b"x")
        assert (await ada.call("PUT", "/users/me/avatar", content=largest)).status_code == 200
        for size in (LARGEST_PICTURE + 1, 3 * LARGEST_PICTURE):
            answer = await ada.call("PUT", "/users/me/avatar", content=PNG.ljust(size, b"x"))
            assert code(answer) == (413, "payload_too_large")

    async def test_of_parallel_uploads_one_object_is_left(self, ada: Person, object_store: ObjectStore) -> None:
        puts = (ada.call("PUT", "/users/me/avatar", content=content) for content in (PNG, GIF, PNG, GIF))
        assert {answer.status_code for answer in await asyncio.gather(*puts)} == {200}
        assert len(await stored(object_store)) == 1
