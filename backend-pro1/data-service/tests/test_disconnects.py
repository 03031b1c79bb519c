"""Clients that hang up while they upload: wherever it happens, nothing of the file remains."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.database import Database
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.main import create_app
from .cutting import count, hang_up, keys

pytestmark = pytest.mark.integration

PART_BYTES = 8 * 1024 * 1024


def form(project_id: object, size: int) -> dict[str, bytes]:
    """The pieces of a form, in order, each named by what it is."""
    return {
        "boundary": b"--x\r\n",
        "header of a field": b'Content-Disposition: form-data; name="project_id"\r\n\r\n',
        "field": str(project_id).encode(),
        "boundary between": b"\r\n--x\r\n",
        "header of the file": b'Content-Disposition: form-data; name="file"; filename="n.csv"\r\n\r\n',
        "file": b"a,b\n" + b"1,2\n" * (size // 4),
        "boundary after": b"\r\n--x\r\n",
        "header of a field after": b'Content-Disposition: form-data; name="name"\r\n\r\n',
        "field after": b"Numbers",
        "last boundary": b"\r\n--x--",
        "end": b"\r\n",
    }


@pytest.mark.parametrize("size", [400, PART_BYTES + 40_000])
async def test_at_every_kind_of_byte(
    resources: Resources,
    editor: dict[str, str],
    workspace: Workspace,
    database: Database,
    object_store: ObjectStore,
    size: int,
) -> None:
    app = create_app(resources.settings, resources)
    headers = editor | {"content-type": "multipart/form-data; boundary=x"}
    pieces = form(workspace.project_id, size)
    body, before = b"".join(pieces.values()), 0
    cuts = [0]
    for piece in pieces.values():
        cuts += [before + len(piece) // 2, before + len(piece)]
        before += len(piece)
    # A body that is complete but for its announced length is the last.
    for cut in sorted(set(cuts))[:-1]:
        assert await hang_up(app, "POST", "/upload/file", headers, body, cut) == 499
        assert (await keys(object_store), await count(database, "datasets")) == ([], 0), cut


async def test_a_request_that_is_called_off_by_ourselves(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    workspace: Workspace,
    database: Database,
    object_store: ObjectStore,
) -> None:
    """As when the service stops: the file is complete, the form is not."""
    began = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        pieces = list(form(workspace.project_id, 400).values())
        for piece in pieces[:7]:
            yield piece
        began.set()
        await asyncio.sleep(60)

    headers = editor | {"content-type": "multipart/form-data; boundary=x"}
    request = asyncio.create_task(client.post("/upload/file", headers=headers, content=body()))
    await began.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert (await keys(object_store), await count(database, "datasets")) == ([], 0)
