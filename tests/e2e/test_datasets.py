"""What can be done with a dataset, from every kind of file to the empty trash, by REST through the gateway."""

import base64
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from .api import Api

pytestmark = pytest.mark.e2e

ROWS = 6
CSV = "id,city,price,day\n" + "".join(f"{n},{'Ulm' if n % 2 else 'Köln'},{n}.5,2024-01-0{n}\n" for n in range(1, 7))
RECORDS = [
    {"id": n, "city": "Ulm" if n % 2 else "Köln", "price": n + 0.5, "day": f"2024-01-0{n}"} for n in range(1, ROWS + 1)
]
PART = 2**20
WAIT = {"wait": 60}


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("prices.csv", CSV)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{**row, "day": date.fromisoformat(str(row["day"]))} for row in RECORDS]), file)
    return file.getvalue()


def workbook() -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, line in enumerate([list(RECORDS[0]), *(list(row.values()) for row in RECORDS)]):
        sheet.write_row(number, 0, line)
    book.close()
    return file.getvalue()


def arff() -> bytes:
    head = "@relation prices\n@attribute id integer\n@attribute city {Ulm,Köln}\n@attribute price real\n"
    return f"{head}@attribute day date yyyy-MM-dd\n@data\n{CSV.partition(chr(10))[2]}".encode()


KINDS: dict[str, Callable[[], bytes]] = {
    "prices.csv": CSV.encode,
    "prices.tsv": CSV.replace(",", "\t").encode,
    "prices.csv.gz": lambda: gzip.compress(CSV.encode()),
    "prices.csv.zst": lambda: bytes(pa.Codec("zstd").compress(CSV.encode(), asbytes=True)),
    "prices.zip": zipped,
    "prices.json": lambda: json.dumps(RECORDS).encode(),
    "prices.jsonl": lambda: "".join(json.dumps(row) + "\n" for row in RECORDS).encode(),
    "prices.parquet": parquet,
    "prices.xlsx": workbook,
    "prices.arff": arff,
}


class Desk:
    """One person at work with the datasets of a project."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.project_id = api.project("Prices")

    def upload(self, filename: str, content: bytes, **fields: str) -> dict[str, Any]:
        """A ready dataset of the file."""
        dataset: dict[str, Any] = self.api.ok(
            "POST",
            "/upload/file",
            params=WAIT,
            data={"project_id": self.project_id, **fields},
            files={"file": (filename, content)},
        )
        assert dataset["status"] == "ready", (filename, dataset)
        return dataset

    def add(self, dataset: dict[str, Any], content: str, mode: str, **fields: str) -> dict[str, Any]:
        """The dataset, with one version more."""
        path = f"/datasets/{dataset['id']}/versions"
        files = {"file": ("more.csv", content.encode())}
        changed: dict[str, Any] = self.api.ok("POST", path, params=WAIT, data={"mode": mode, **fields}, files=files)
        assert changed["status"] == "ready", changed
        return changed

    def rows(self, dataset: dict[str, Any], **query: str) -> list[list[Any]]:
        """What `/rows` shows."""
        rows: list[list[Any]] = self.api.ok("GET", f"/datasets/{dataset['id']}/rows", params=query)["rows"]
        return rows

    def done(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A task that was waited for."""
        task: dict[str, Any] = self.api.ok("POST", path, params=WAIT, json={"project_id": self.project_id, **body})
        assert task["status"] == "succeeded", task
        return task


@pytest.fixture
def desk(api: Api) -> Desk:
    return Desk(api)


def test_every_kind_of_file_becomes_the_same_table(desk: Desk) -> None:
    for filename, content in KINDS.items():
        dataset = desk.upload(filename, content(), name=f"of {filename}")
        assert (dataset["rows"], dataset["columns"]) == (ROWS, 4), filename
        rows = desk.rows(dataset, sort="-id", limit="2")
        assert rows == [[6, "Köln", 6.5, "2024-01-06"], [5, "Ulm", 5.5, "2024-01-05"]], filename
    assert len(desk.api.ok("GET", "/datasets", params={"project_id": desk.project_id})["items"]) == len(KINDS)
    looked = desk.api.ok("POST", "/upload/inspect", files={"file": ("x.csv", CSV.replace(",", ";").encode("cp1252"))})
    assert (looked["format"], looked["delimiter"], looked["header"]) == ("csv", ";", True)
    assert [column["name"] for column in looked["columns"]] == ["id", "city", "price", "day"]
    assert looked["rows"][1][1] == "Köln"


def test_files_in_parts_and_by_the_store(desk: Desk) -> None:
    content = ("n,text\n" + "".join(f"{n},{'x' * 100}\n" for n in range(22_000))).encode()
    digest = hashlib.sha256(content).hexdigest()
    order = {"project_id": desk.project_id, "bytes": len(content), "sha256": digest, "part_size": PART}
    upload = desk.api.ok("POST", "/upload/sessions", json={**order, "filename": "parts.csv"})
    path = f"/upload/sessions/{upload['id']}"
    assert upload["missing"] == [1, 2, 3]
    for number in (3, 1, 2):
        part = content[PART * (number - 1) : PART * number]
        told = base64.b64encode(hashlib.sha256(part).digest()).decode()
        headers = {"content-digest": f"sha-256=:{told}:", "content-type": "application/octet-stream"}
        sent = desk.api.ok("PUT", f"{path}/parts/{number}", content=part, headers=headers)
        assert (sent["bytes"], sent["sha256"]) == (len(part), hashlib.sha256(part).hexdigest())
    assert desk.api.ok("GET", path)["missing"] == []
    _whole(desk, desk.api.ok("POST", f"{path}/complete", params=WAIT, json={}), digest)

    upload = desk.api.ok("POST", "/upload/presign", json={**order, "filename": "store.csv"})
    for to in upload["urls"]:
        part = content[PART * (to["number"] - 1) : PART * to["number"]]
        httpx.request(to["method"], to["url"], content=part, headers=to["headers"], timeout=60).raise_for_status()
    done = desk.api.ok("POST", f"/upload/sessions/{upload['id']}/complete", params=WAIT, json={})
    _whole(desk, done, digest)


def _whole(desk: Desk, dataset: dict[str, Any], digest: str) -> None:
    assert (dataset["status"], dataset["rows"]) == ("ready", 22_000), dataset
    assert desk.api.ok("GET", f"/datasets/{dataset['id']}/versions/1")["sha256"] == digest
    assert desk.rows(dataset, filter="n = 21999", columns="n") == [[21_999]]


def test_versions_are_added_compared_and_taken_back(desk: Desk) -> None:
    dataset = desk.upload("prices.csv", CSV.encode())
    path = f"/datasets/{dataset['id']}"
    assert desk.add(dataset, "id,city,price,day\n7,Ulm,7.5,2024-01-07\n", "append")["rows"] == ROWS + 1
    upserted = desk.add(
        dataset, "id,city,price,day\n1,Ulm,100.5,2024-01-01\n8,Bonn,8.5,2024-01-08\n", "upsert", key="id"
    )
    assert (upserted["current_version"], upserted["rows"]) == (3, ROWS + 2)
    diff = desk.api.ok("GET", f"{path}/versions/2/diff/3", params={"key": "id"})
    counts = {name: diff[f"rows_{name}"] for name in ("added", "removed", "changed", "unchanged")}
    assert counts == {"added": 1, "removed": 0, "changed": 1, "unchanged": 6}
    assert desk.add(dataset, "id,note\n1,other\n", "replace")["columns"] == 2
    assert desk.api.ok("GET", f"{path}/versions/3/diff/4")["columns_added"][0]["name"] == "note"
    back = desk.api.ok("POST", f"{path}/rollback", json={"version": 3})
    assert (back["current_version"], back["rows"]) == (5, ROWS + 2)
    assert desk.rows(dataset, filter="price > 7 and city <> 'Bonn'", sort="price") == [
        [7, "Ulm", 7.5, "2024-01-07"],
        [1, "Ulm", 100.5, "2024-01-01"],
    ]
    values = desk.api.ok("GET", f"{path}/columns/city/values")["values"]
    assert {entry["value"]: entry["count"] for entry in values} == {"Ulm": 4, "Köln": 3, "Bonn": 1}
    report = desk.api.client.get(f"{path}/profile/report")
    assert report.text.lower().startswith("<!doctype html>")
    assert "price" in report.text
    drift = desk.api.ok("POST", f"{path}/drift", json={"reference": 1})
    assert (drift["from"], drift["to"], len(drift["columns"])) == (1, 5, 4)


def test_the_gate_keeps_bad_versions_from_use(desk: Desk) -> None:
    dataset = desk.upload("prices.csv", CSV.encode())
    path = f"/datasets/{dataset['id']}"
    rule = {"rule": {"kind": "range", "column": "price", "min": 0}, "severity": "error"}
    desk.api.ok("POST", f"{path}/quality/rules", json=rule)
    assert desk.api.ok("POST", f"{path}/quality/run")["status"] == "passed"
    desk.api.ok("PUT", f"{path}/quality/gate", json={"enabled": True})
    bad = desk.api.ok(
        "POST",
        f"{path}/versions",
        params=WAIT,
        data={"mode": "append"},
        files={"file": ("bad.csv", b"id,city,price,day\n9,Ulm,-9.5,2024-01-09\n")},
    )
    assert bad["error"]["code"] == "quality_gate_failed", bad
    assert desk.api.ok("GET", f"{path}/quality/gate")["blocked_versions"] == [2]
    sql = "SELECT sum(price) AS total FROM {}"
    good, blocked = ({"project_id": desk.project_id, "sql": sql.format(table)} for table in ("prices", '"prices@2"'))
    desk.api.refused(409, "version_blocked", "POST", "/process/query", json=blocked)
    assert desk.api.ok("POST", "/process/query", json=good)["rows"] == [[24.0]]
    assert len(desk.rows(dataset)) == ROWS


def test_pipelines_queries_and_where_things_come_from(desk: Desk) -> None:
    dataset = desk.upload("prices.csv", CSV.encode())
    steps = [
        {"op": "filter", "where": "price > 2"},
        {"op": "derive", "name": "gross", "expression": "price * 2"},
        {"op": "aggregate", "by": ["city"], "aggregations": [{"column": "gross", "function": "sum", "as": "total"}]},
        {"op": "sort", "by": ["city"]},
    ]
    source = {"project_id": desk.project_id, "dataset_id": dataset["id"], "steps": steps}
    expected = [["Köln", 2 * (2.5 + 4.5 + 6.5)], ["Ulm", 2 * (3.5 + 5.5)]]
    assert desk.api.ok("POST", "/process/preview", json=source)["rows"] == expected
    saved = {"project_id": desk.project_id, "name": "totals", "steps": steps}
    pipeline = desk.api.ok("POST", "/process/pipelines", json=saved)
    order = {"dataset_id": dataset["id"], "output": {"name": "totals"}}
    task = desk.api.ok("POST", f"/process/pipelines/{pipeline['id']}/run", params=WAIT, json=order)
    assert task["status"] == "succeeded", task
    items = desk.api.ok("GET", "/datasets", params={"project_id": desk.project_id, "q": "totals"})["items"]
    assert desk.rows(items[0]) == expected
    lineage = desk.api.ok("GET", f"/datasets/{items[0]['id']}/lineage")
    assert dataset["id"] in json.dumps(lineage["nodes"])
    assert len(lineage["edges"]) == 1

    sql = "SELECT a.id * 10 + b.id AS n FROM prices a, prices b ORDER BY n"
    task = desk.done("/process/query", {"sql": sql, "background": True})
    page: dict[str, Any] = {"next_cursor": ""}
    numbers: list[int] = []
    while page["next_cursor"] is not None:
        query = {"limit": "10", **({"cursor": page["next_cursor"]} if page["next_cursor"] else {})}
        page = desk.api.ok("GET", f"/process/query/{task['id']}/results", params=query)
        numbers += [row[0] for row in page["rows"]]
    assert numbers == sorted(10 * a + b for a in range(1, 7) for b in range(1, 7))


def test_downloads_the_trash_and_what_is_left(desk: Desk) -> None:
    dataset = desk.upload("prices.csv", CSV.encode())
    path = f"/datasets/{dataset['id']}"
    taken = {kind: desk.api.client.get(f"{path}/download", params={"format": kind}) for kind in ("csv", "jsonl")}
    taken |= {kind: desk.api.client.get(f"{path}/download", params={"format": kind}) for kind in ("parquet", "xlsx")}
    assert {answer.headers["x-row-count"] for answer in taken.values()} == {str(ROWS)}
    assert [line.split(",")[:2] for line in taken["csv"].text.splitlines()[:2]] == [["id", "city"], ["1", "Ulm"]]
    assert [json.loads(line)["price"] for line in taken["jsonl"].text.splitlines()] == [n + 0.5 for n in range(1, 7)]
    assert pq.read_table(io.BytesIO(taken["parquet"].content)).column("id").to_pylist() == [1, 2, 3, 4, 5, 6]
    assert desk.upload("again.xlsx", taken["xlsx"].content)["rows"] == ROWS
    assert desk.api.client.get(f"{path}/download", params={"raw": "true"}).content == CSV.encode()

    desk.api.ok("DELETE", path)
    desk.api.refused(404, "not_found", "GET", path)
    trash = desk.api.ok("GET", "/datasets", params={"project_id": desk.project_id, "deleted": "true"})["items"]
    assert [item["id"] for item in trash] == [dataset["id"]]
    desk.api.ok("POST", f"{path}/restore")
    assert len(desk.rows(dataset)) == ROWS
    desk.api.ok("DELETE", path)
    freed = desk.done("/datasets/gc", {"include_trash": True, "dry_run": False})
    assert freed["status"] == "succeeded"
    desk.api.refused(404, "not_found", "POST", f"{path}/restore")
