"""Looking into a file: how much of it is kept on disk, and that nothing stays."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.config import Settings
from shared.errors import APIException, Invalid, PayloadTooLarge
from shared.resources import Resources

from ..app.services import inspections
from ..app.services.engine import Engine
from ..app.services.incoming import Form
from ..app.services.inspections import Inspections, Kept

LIMIT = 10**9
TEXT = b"a,b\n" + b"1,2\n" * 5000


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspections, "HEAD_BYTES", 10_000)
    monkeypatch.setattr(inspections, "WHOLE_BYTES", 50_000)


@pytest.mark.usefixtures("small")
class TestKept:
    @pytest.mark.parametrize("size", [1, 9_999, 10_000])
    async def test_all_of_a_short_text(self, tmp_path: Path, size: int) -> None:
        kept = Kept(tmp_path / "raw")
        await kept.take(LIMIT, "n.csv", chunks(TEXT[:size]))
        assert (kept.path.read_bytes(), kept.is_partial) == (TEXT[:size], False)

    async def test_the_beginning_of_a_long_one(self, tmp_path: Path) -> None:
        kept = Kept(tmp_path / "raw")
        await kept.take(LIMIT, "n.csv", chunks(TEXT[:9_000], TEXT[9_000:15_000], TEXT[15_000:]))
        assert (kept.path.read_bytes(), kept.is_partial) == (TEXT[:10_000], True)

    @pytest.mark.parametrize("start", [b"PAR1\x00", b"PK\x03\x04\x14\x00", b'[{"a": 1}', b"\x28\xb5\x2f\xfd\x00"])
    async def test_more_of_what_is_needed_as_a_whole(self, tmp_path: Path, start: bytes) -> None:
        kept, long = Kept(tmp_path / "raw"), Kept(tmp_path / "long")
        await kept.take(LIMIT, "n", chunks(start, b" " * 20_000))
        assert (kept.path.read_bytes()[:20], kept.is_partial) == ((start + b" " * 20)[:20], False)
        await long.take(LIMIT, "n", chunks(start, b" " * 30_000, b" " * 30_000))
        assert (len(long.path.read_bytes()), long.is_partial) == (50_000, True)

    async def test_no_more_than_may_be_uploaded(self, tmp_path: Path) -> None:
        with pytest.raises(PayloadTooLarge):
            await Kept(tmp_path / "raw").take(len(TEXT) - 1, "n.csv", chunks(TEXT))


class FakeEngine(Engine):
    """Notes its job, and what of the file it found."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {}
        self.content = b""

    async def run(self, function: str, job: dict[str, Any], *, timeout_seconds: float | None = None) -> dict[str, Any]:
        self.job, self.content = {**job, "function": function}, await asyncio.to_thread(Path(job["source"]).read_bytes)
        return {"format": "csv"}


def use_case(tmp_path: Path) -> tuple[FakeEngine, Inspections]:
    resources = Resources.__new__(Resources)
    resources.settings = Settings(cache_dir=tmp_path / "cache")
    engine = FakeEngine()
    return engine, Inspections(resources, engine)


def form(*parts: bytes) -> Form:
    body = b"".join(b"--x\r\nContent-Disposition: form-data; %s\r\n" % part for part in parts) + b"--x--\r\n"
    return Form("multipart/form-data; boundary=x", chunks(body))


FILE = b'name="file"; filename="d/n.csv"\r\n\r\na,b\n1,2\n'


async def test_what_the_engine_is_told(tmp_path: Path) -> None:
    engine, use = use_case(tmp_path)
    assert await use.inspect(form(FILE, b'name="options"\r\n\r\n{"delimiter": ";"}')) == {"format": "csv"}
    assert engine.content == b"a,b\n1,2\n"
    told = {name: engine.job[name] for name in ("function", "filename", "options", "partial")}
    assert told == {
        "function": "inspect_file:inspect",
        "filename": "n.csv",
        "options": {"delimiter": ";"},
        "partial": False,
    }
    assert list((tmp_path / "cache-scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "missing_field"),
        ([b'name="options"\r\n\r\n{}'], "missing_field"),
        ([FILE, FILE], "invalid"),
        ([FILE, b'name="project_id"\r\n\r\nx'], "validation_failed"),
        ([b'name="file"; filename="n.csv"\r\n\r\n'], "empty_file"),
        ([b'name="file"; filename="n.csv"\r\n\r\n\x89PNG\x00'], "unsupported_media_type"),
    ],
)
async def test_what_is_not_taken(tmp_path: Path, parts: list[bytes], code: str) -> None:
    _, use = use_case(tmp_path)
    with pytest.raises(APIException) as caught:
        await use.inspect(form(*parts))
    assert caught.value.code == code
    assert isinstance(caught.value, Invalid) or code == "unsupported_media_type"
    assert list((tmp_path / "cache-scratch").iterdir()) == []
