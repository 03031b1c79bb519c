"""URLs that clients send to themselves: at the store's public address, for so many bytes; both are signed."""

from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from shared.config import Settings
from shared.object_store import ObjectStore
from shared.testing.fixtures import object_store, server_settings, settings

__all__ = ["object_store", "server_settings", "settings"]

INSIDE = "http://store:9000"


@pytest.mark.parametrize(
    ("public", "place"), [("", "http://store:9000"), ("https://files.example.org", "https://files.example.org")]
)
async def test_where_parts_are_sent(public: str, place: str) -> None:
    store = ObjectStore(Settings(_env_file=None, s3_endpoint_url=INSIDE, s3_public_url=public, s3_bucket="bucket"))
    first, second = await store.presigned_puts({"p/uploads/1": 5, "p/uploads/2": 5}, 600)
    assert first.startswith(f"{place}/bucket/p/uploads/1?")
    assert second.startswith(f"{place}/bucket/p/uploads/2?")
    signed = parse_qs(urlsplit(first).query)
    assert (signed["X-Amz-Expires"], signed["X-Amz-SignedHeaders"]) == (["600"], ["content-length;host"])
    assert signed["X-Amz-Signature"] != parse_qs(urlsplit(second).query)["X-Amz-Signature"]


@pytest.mark.integration
@pytest.mark.parametrize(("sent", "status"), [(10, 200), (11, 403), (9, 403), (100_000, 403)])
async def test_a_body_of_another_length_is_refused(object_store: ObjectStore, sent: int, status: int) -> None:
    await object_store.ensure_bucket()
    (url,) = await object_store.presigned_puts({"p/uploads/a b+ö": 10}, 600)
    async with aiohttp.ClientSession() as client, client.put(URL(url, encoded=True), data=b"x" * sent) as answer:
        assert answer.status == status
    assert await object_store.stat("p/uploads/a b+ö") == (10 if status == 200 else None)
