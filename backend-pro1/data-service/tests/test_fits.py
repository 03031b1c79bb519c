"""Files that are to join a version, looked into when they come."""

import gzip
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.config import Settings
from shared.errors import Invalid
from shared.resources import Resources
from shared.testing.fakes import InlineCompute, MemoryStore

from ..app.services import fits
from ..app.services.engine import Engine
from ..app.services.new_versions import RawUpload

BASE = [{"name": "id", "type": "integer"}, {"name": "code", "type": "string"}, {"name": "ok", "type": "boolean"}]


class Gate:
    """`require_fit` on files in memory; `compute` notes what ran."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(cache_dir=folder / "cache")
        self.store = MemoryStore()
        self.compute = InlineCompute()
        held = SimpleNamespace(settings=self.settings, compute=self.compute)
        self.engine = Engine(cast("Resources", held))

    async def ask(self, *parts: bytes, mode: str = "append", key: tuple[str, ...] = (), name: str = "f.csv") -> None:
        """The file in as many objects as there are parts."""
        keys = [f"part-{number}" for number in range(len(parts))]
        self.store.objects = dict(zip(keys, parts, strict=True))
        file = RawUpload(name, keys, sum(map(len, parts)), None)
        await fits.require_fit(self.engine, self.store, self.settings, file, {}, BASE, mode, key)

    async def refused(self, *parts: bytes, **more: Any) -> Invalid:
        """The error."""
        with pytest.raises(Invalid) as caught:
            await self.ask(*parts, **more)
        return caught.value


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def parquet(**columns: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"OK,code,id\ntrue,007,1\n",
        b"id,code,ok\n1,2,\n",
        b"id,code,ok\n1.5,x,false\n",
        b"id,code,ok\n1,x,1\n",
        gzip.compress(b"id,code,ok\n1,x,true\n"),
        parquet(id=[1], code=["x"], ok=[True]),
    ],
)
async def test_what_fits_passes(gate: Gate, content: bytes) -> None:
    await gate.ask(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,code\n1,x\n", "it lacks 'ok'"),
        (b"id,code,ok,more\n1,x,true,2\n", "it has the unknown 'more'"),
        (b"id,code,ok\nx,x,true\n", "'id' is string instead of integer"),
        (b"id,code,ok\n1,x,maybe\n", "'ok' is string instead of boolean"),
        (gzip.compress(b"id,code\n1,x\n"), "it lacks 'ok'"),
        (parquet(id=[1], ok=[True]), "it lacks 'code'"),
    ],
)
async def test_what_does_not_fit_is_named(gate: Gate, content: bytes, says: str) -> None:
    error = await gate.refused(content)
    assert (error.code, says in error.detail) == ("schema_mismatch", True), error.detail


async def test_the_key_is_asked_first(gate: Gate) -> None:
    error = await gate.refused(b"", mode="upsert", key=("code", "idd"))
    assert (error.code, error.detail) == ("unknown_column", "The dataset has no column 'idd'. Did you mean 'id'?")
    assert gate.compute.runs == []


async def test_of_a_long_text_the_beginning_is_enough(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "HEAD_BYTES", 100)
    await gate.ask(b"id,code,ok\n" + b"1,x,true\n" * 5, b"2,y,false\n" * 50 + b"no,number,here\n")
    ((_, job),) = gate.compute.runs
    assert job["partial"]
    assert (await gate.refused(b"id,code\n" + b"1,x\n" * 100)).code == "schema_mismatch"


async def test_where_the_end_is_needed_the_whole_file_is_read(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "HEAD_BYTES", 100)
    content = parquet(id=[1], code=["x"])
    assert (await gate.refused(content[:50], content[50:], name="f.parquet")).code == "schema_mismatch"
    monkeypatch.setattr(fits, "WHOLE_BYTES", 200)
    await gate.ask(content, name="f.parquet")
    assert [job["partial"] for _, job in gate.compute.runs] == [True, False, True, True]
