"""Files of every kind through the whole service: uploaded, read by a worker, saved as a workbook; or refused."""

import gzip
import hashlib
import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pytest
import python_calamine
from pyarrow import parquet

from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.services.ingests import Ingest
from .ready import working
from .sample_files import workbook, zipped

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]
ARFF = "@relation r\n@attribute a numeric\n@attribute b string\n@data\n1,'=x'\n2,y\n"
LINES = '{"a":1,"b":"=x"}\n{"a":2,"b":"y"}\n'


def _fill(book: Any) -> None:
    written = book.add_worksheet()
    for row, (number, text) in enumerate([("a", "b"), (1, "=x"), (2, "y")]):
        written.write(row, 0, number)
        written.write_string(row, 1, text)


def _parquet() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"a": [1, 2], "b": ["=x", "y"]}), file)
    return file.getvalue()


async def _upload(
    client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, content: bytes, **fields: str
) -> dict[str, Any]:
    files = {"file": ("table.csv", content, "text/csv")}
    data = {"project_id": str(workspace.project_id), **fields}
    answer = await client.post("/upload/file?wait=60", headers=editor, data=data, files=files)
    found: dict[str, Any] = answer.json()
    return {**found, "answered": answer.status_code}


async def test_every_kind_of_file(
    client: httpx.AsyncClient, resources: Resources, workspace: Workspace, editor: dict[str, str]
) -> None:
    kinds = {
        "xlsx": workbook(_fill),
        "parquet": _parquet(),
        "arff": ARFF.encode(),
        "json": json.dumps([json.loads(line) for line in LINES.splitlines()]).encode(),
        "jsonl.gz": gzip.compress(LINES.encode()),
        "jsonl.zst": pa.compress(LINES.encode(), codec="zstd", asbytes=True),
        "csv.zip": zipped({"t.csv": "a,b\n1,=x\n2,y\n"}),
    }
    async with working(resources, {"ingest": Ingest()}):
        for kind, content in kinds.items():
            dataset = await _upload(client, editor, workspace, content, name=kind)
            assert (dataset["status"], dataset["rows"], dataset["columns"]) == ("ready", 2, 2), dataset
            place = f"/manage/datasets/{dataset['id']}"
            version = (await client.get(f"{place}/versions/1", headers=editor)).json()
            assert version["report"]["format"] == kind.split(".")[0]
            preview = (await client.get(f"{place}/preview", headers=editor)).json()
            assert preview["rows"] == [[1, "=x"], [2, "y"]]
        bomb = await _upload(client, editor, workspace, gzip.compress(b"1,2\n" * 5_000_000), name="bomb")
    assert (bomb["status"], bomb["error"]["code"]) == ("failed", "decompression_bomb")
    saved = await client.get(f"{place}/download?format=xlsx", headers=editor)
    assert saved.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert saved.headers["content-disposition"].startswith('attachment; filename="csv.zip.xlsx"')
    assert saved.headers["x-row-count"] == "2"
    assert saved.headers["x-content-sha256"] == hashlib.sha256(saved.content).hexdigest()
    with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(saved.content)) as book:
        assert book.get_sheet_by_index(0).to_python() == [["a", "b"], [1.0, "=x"], [2.0, "y"]]


async def test_what_is_no_table_is_not_stored(
    client: httpx.AsyncClient, workspace: Workspace, editor: dict[str, str]
) -> None:
    for content in (b"\x89PNG\r\n\x1a\n,a\n1,2\n", b"<html><table>", gzip.compress(b"MZ\x90\x00" + bytes(99))):
        refused = await _upload(client, editor, workspace, content)
        assert (refused["answered"], refused["code"]) == (415, "unsupported_media_type"), refused
