"""Parts of an upload: in any order, refused, repeated, cut off, and after all of it the same file."""

import asyncio
import hashlib
import random
from typing import Any

import httpx
import pytest

from shared.config import MEBIBYTE
from shared.database import Database
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.main import create_app
from ..app.repositories.uploads import MOST_PARTS
from ..app.services.sweeps import sweep
from .cutting import count, hang_up, keys
from .sending import CSV, HALF, PARTS, Sender, digest, raw_of, sender, used_bytes

__all__ = ["sender"]


@pytest.mark.integration
class TestParts:
    async def test_in_any_order(self, sender: Sender, database: Database, object_store: ObjectStore) -> None:
        made = await sender.open(name="Numbers", tags=["x"])
        assert (made["parts_total"], made["parts"], made["missing"]) == (3, [], [1, 2, 3])
        assert await used_bytes(database) == len(CSV)
        for number in (3, 1, 2):
            answer = await sender.put(made["id"], number, PARTS[number - 1], **digest(PARTS[number - 1]))
            sha256 = hashlib.sha256(PARTS[number - 1]).hexdigest()
            assert answer.json() == {"number": number, "bytes": len(PARTS[number - 1]), "sha256": sha256}
        state = await sender.state(made["id"])
        assert ([part["number"] for part in state["parts"]], state["missing"]) == ([1, 2, 3], [])
        done = await sender.complete(made["id"])
        assert (done.status_code, done.json()["name"], done.json()["tags"]) == (202, "Numbers", ["x"])
        assert await raw_of(database, object_store, done.json()["id"]) == CSV
        assert (await used_bytes(database), len(await keys(object_store))) == (len(CSV), 3)
        assert (await sender.state(made["id"]))["dataset_id"] == done.json()["id"]

    async def test_what_is_refused_leaves_nothing(
        self, sender: Sender, database: Database, object_store: ObjectStore
    ) -> None:
        made = await sender.open()
        for number, data, headers, code in (
            (1, PARTS[0][:-1], {}, "wrong_part_size"),
            (1, PARTS[0] + b"x", {}, "wrong_part_size"),
            (3, PARTS[0], {}, "wrong_part_size"),
            (1, b"", {}, "wrong_part_size"),
            (1, PARTS[0], digest(b"another"), "digest_mismatch"),
            (1, PARTS[0], {"Content-Digest": "sha-256=:AA==:"}, "invalid_digest"),
            (4, PARTS[0], {}, "unknown_part"),
            (MOST_PARTS + 1, PARTS[0], {}, "validation_failed"),
        ):
            answer = await sender.put(made["id"], number, data, **headers)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (await count(database, "upload_parts"), await keys(object_store)) == (0, [])

    @pytest.mark.parametrize("size", [HALF - 1, HALF + 1])
    async def test_a_length_that_is_not_announced(
        self, sender: Sender, database: Database, object_store: ObjectStore, size: int
    ) -> None:
        made = await sender.open()

        async def body() -> Any:
            for _ in range(size):
                yield b"x"

        path = f"/upload/sessions/{made['id']}/parts/1"
        answer = await sender.client.put(path, headers=sender.headers, content=body())
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_part_size")
        assert (await count(database, "upload_parts"), await keys(object_store)) == (0, [])

    async def test_a_repeated_part_replaces_the_first(
        self, sender: Sender, database: Database, object_store: ObjectStore
    ) -> None:
        made = await sender.open()
        await sender.put(made["id"], 1, b"x" * HALF)
        await sender.put_all(made["id"])
        assert len(await keys(object_store)) == 3
        done = await sender.complete(made["id"])
        assert await raw_of(database, object_store, done.json()["id"]) == CSV

    async def test_of_the_same_part_at_once_one_stays(
        self, sender: Sender, database: Database, object_store: ObjectStore
    ) -> None:
        made = await sender.open()
        contents = [bytes([65 + number]) * HALF for number in range(8)]
        answers = await asyncio.gather(*(sender.put(made["id"], 1, content) for content in contents))
        assert {answer.status_code for answer in answers} == {200}
        (part,) = (await sender.state(made["id"]))["parts"]
        (key,) = await keys(object_store)
        kept = b"".join([piece async for piece in object_store.get_stream(key)])
        assert kept in contents
        assert hashlib.sha256(kept).hexdigest() == part["sha256"]

    async def test_orphans_go_and_parts_stay(
        self, sender: Sender, object_store: ObjectStore, resources: Resources
    ) -> None:
        made = await sender.open()
        await sender.put_all(made["id"])
        await object_store.put_bytes(f"{sender.project_id}/uploads/{made['id']}/left", b"behind")
        resources.settings = resources.settings.model_copy(update={"orphan_hours": -1})
        await sweep(resources)
        assert len(await keys(object_store)) == 3


@pytest.mark.integration
async def test_an_upload_killed_again_and_again_is_the_file_in_the_end(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    workspace: Workspace,
    resources: Resources,
    database: Database,
    object_store: ObjectStore,
) -> None:
    fate = random.Random(17)  # noqa: S311 - the same fate every time
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (fate.randrange(10**6), number) for number in range(300_000))
    sender, app = Sender(client, editor, workspace.project_id), create_app(resources.settings, resources)
    made = await sender.open(bytes=len(content), part_size=MEBIBYTE, sha256=hashlib.sha256(content).hexdigest())
    kills = 0
    while missing := (await sender.state(made["id"]))["missing"]:
        number = fate.choice(missing)
        part = content[(number - 1) * MEBIBYTE : number * MEBIBYTE]
        if kills < 12 and fate.random() < 0.7:
            path = f"/upload/sessions/{made['id']}/parts/{number}"
            await hang_up(app, "PUT", path, editor, part, fate.randrange(len(part)))
            kills += 1
        else:
            assert (await sender.put(made["id"], number, part, **digest(part))).status_code == 200
        assert len(await keys(object_store)) == await count(database, "upload_parts")
    assert kills >= 5
    done = await sender.complete(made["id"])
    assert done.status_code == 202
    assert await raw_of(database, object_store, done.json()["id"]) == content
