"""Good files of every kind that is taken, small ones, made here; damage is done to them elsewhere."""

import datetime as dt
import decimal
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xlsxwriter  # type: ignore[import-untyped]

# Name, content. The name is a hint only.
Named = tuple[str, bytes]
DAY = dt.date(2024, 2, 29)
ROWS = [(1, "Zürich", 2.5, DAY, True), (2, 'a "b", c', -1e300, DAY, False), (-3, "", 0.0, None, None)]
LINES = ["id,place,x,day,ok", "1,Zürich,2.5,2024-02-29,true", '2,"a ""b"", c",-1e300,2024-02-29,false', "-3,,0,,"]
CSV = "\n".join(
    [*LINES, *(f"{number},p{number},{number / 7:.6f},2024-01-{number % 28 + 1:02},true" for number in range(40))]
)
RECORDS = [
    {"id": n, "place": f"p{n}", "x": n / 7, "nested": {"a": [n, None], "b": "ü"}, "day": "2024-02-29"}
    for n in range(12)
]
ARFF = """@relation fuzz
% a comment
@attribute id integer
@attribute 'the place' string
@attribute kind {red, 'light blue', 3}
@attribute day date "yyyy-MM-dd"
@attribute x real
@data
1,'Zürich',red,"2024-02-29",2.5
2,?,'light blue',?,-1e300
{0 3, 2 3, 4 7.5}
4,"a 'b' c",red,"2024-01-01",?
"""


def csv_files() -> list[Named]:
    wide = ",".join(f"c{number}" for number in range(60)) + "\n" + ",".join("1" * 60) + "\n"
    texts = {
        "plain.csv": CSV,
        "dos.csv": CSV.replace("\n", "\r\n"),
        "tabs.tsv": CSV.replace(",", "\t"),
        "semicolons.csv": "a;b;c\n1,5;x;1.234,5\n2,5;y;2.234,5\n" * 3,
        "pipes.csv": CSV.replace(",", "|"),
        "quotes.csv": "a,b\n'1,2','it''s'\n'3','4'\n",
        "titles.csv": f"Report of sales\n\n{CSV}\n",
        "sep.csv": "sep=;\na;b\n1;2\n",
        "no header.csv": "1,2,3\n4,5,6\n7,8,9\n",
        "multiline.csv": 'a,b\n"1\n2",3\n"4\n\n5",6\n',
        "wide.csv": wide,
        "dates.csv": "d,t,m\n31.12.2024,23:59,Jan 2024\n01.02.2024,00:00,Feb 2024\n",
        "one column.csv": "name\nada\ngrace\n",
        "marks.csv": "a,b\nNA,1\n-,2\n1.000,3\n2%,4\n€5,6\n",
    }
    files = [(name, text.encode()) for name, text in texts.items()]
    encoded = [
        ("utf-16.csv", CSV.encode("utf-16")),
        ("latin.csv", CSV.encode("cp1252")),
        ("bom.csv", CSV.encode("utf-8-sig")),
    ]
    return (
        files
        + encoded
        + [("utf-32.csv", CSV.encode("utf-32")), ("japanese.csv", "名,値\n東京,1\n大阪,2\n".encode("shift_jis"))]
    )


def json_files() -> list[Named]:
    columns = {name: [record[name] for record in RECORDS] for name in ("id", "place", "x")}
    shapes: dict[str, Any] = {
        "records.json": RECORDS,
        "inside.json": {"meta": {"n": 12}, "data": RECORDS},
        "columns.json": columns,
        "split.json": {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]},
        "lists.json": [[1, 2], [3, 4]],
        "map.json": {"a": {"x": 1}, "b": {"x": 2}},
        "geo.json": {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1}}]},
        "numbers.json": [{"a": 2**63, "b": 1e308, "c": -0.0, "d": 0.1, "e": 10**30}, {"a": 1}],
    }
    return [(name, json.dumps(value, indent=indent).encode()) for name, value in shapes.items() for indent in (None, 1)]


def jsonl_files() -> list[Named]:
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS).encode()
    return [
        ("records.jsonl", lines),
        ("dos.ndjson", lines.replace(b"\n", b"\r\n")),
        ("mixed.jsonl", b'{"a":1}\n{"a":"x","b":[]}\n{}\n'),
    ]


def parquet_files() -> list[Named]:
    plain = pa.table(dict(zip(("id", "place", "x", "day", "ok"), map(list, zip(*ROWS, strict=True)), strict=True)))
    moments = [dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), None, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)]
    rich = pa.table(
        {
            "list": pa.array([[1, 2], [], None], pa.list_(pa.int32())),
            "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": ""}]),
            "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            "decimal": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-9.99")], pa.decimal128(38, 2)),
            "moment": pa.array(moments, pa.timestamp("ns", "UTC")),
            "time": pa.array([dt.time(1, 2), None, dt.time(3, 4)]),
            "bytes": pa.array([b"\xff", b"text", None]),
            "words": pa.array(["a", "b", "a"]).dictionary_encode(),
            "small": pa.array([1, 2, 255], pa.uint8()),
            "nan": [float("nan"), float("inf"), None],
        }
    )
    long = pa.table({"n": list(range(3000)), "s": [str(number % 7) for number in range(3000)]})
    ways: list[tuple[str, Any, dict[str, Any]]] = [
        ("plain", plain, {}),
        ("rich", rich, {}),
        ("groups", long, {"row_group_size": 500}),
        ("old", plain, {"version": "1.0", "compression": "none", "use_dictionary": False}),
        (
            "pages",
            long,
            {"data_page_version": "2.0", "compression": "zstd", "data_page_size": 512, "write_page_index": True},
        ),
        ("gzip", long, {"compression": "gzip"}),
        (
            "delta",
            long,
            {"use_dictionary": False, "column_encoding": {"n": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY"}},
        ),
    ]
    return [(f"{name}.parquet", parquet(table, **options)) for name, table, options in ways]


def parquet(table: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def workbooks() -> list[Named]:
    return [
        ("plain.xlsx", _book(_plain)),
        ("rich.xlsx", _book(_rich)),
        ("strings.xlsx", _book(_plain, in_memory_strings=True)),
    ]


def _book(fill: Callable[[Any], None], *, in_memory_strings: bool = False) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "constant_memory": in_memory_strings})
    # Equal content, equal bytes: no time of day in the file.
    book.set_properties({"created": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)})
    fill(book)
    book.close()
    return file.getvalue()


def _plain(book: Any) -> None:
    sheet = book.add_worksheet("Data")
    for index, row in enumerate([("id", "place", "x"), *((number, f"p{number}", number / 7) for number in range(30))]):
        sheet.write_row(index, 0, row)


def _rich(book: Any) -> None:
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    first, second = book.add_worksheet("Empty"), book.add_worksheet("Übersicht")
    first.write_comment(0, 0, "a note")
    second.merge_range(0, 0, 0, 3, "A title")
    second.write_row(2, 0, ["day", "sum", "error", "truth"])
    for row in range(3, 12):
        second.write_datetime(row, 0, dt.datetime(2024, 1, row), day)  # noqa: DTZ001 - sheets know no zones
        second.write_formula(row, 1, f"=A{row}+1", value=row)
        second.write_formula(row, 2, "=1/0", value="#DIV/0!")
        second.write_boolean(row, 3, row % 2 == 0)


def packed(inner: Named, packing: str) -> Named:
    """The file inside of another."""
    name, content = inner
    if packing == "gzip":
        return f"{name}.gz", gzip.compress(content, 1, mtime=0)
    if packing == "zstd":
        return f"{name}.zst", pa.compress(content, "zstd", asbytes=True)
    return f"{name}.zip", zipped({name: content})


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@lru_cache(maxsize=1)
def corpus() -> dict[str, list[Named]]:
    """Files by their kind."""
    return {
        "csv": csv_files(),
        "json": json_files(),
        "jsonl": jsonl_files(),
        "parquet": parquet_files(),
        "xlsx": workbooks(),
        "arff": [
            ("data.arff", ARFF.encode()),
            ("latin.arff", ARFF.encode("cp1252")),
            ("dos.arff", ARFF.replace("\n", "\r\n").encode()),
        ],
    }


# That queries and expressions are about, and that the examples of operations speak of.
TABLES = {
    "t": pa.table(
        {
            "i": [1, 2, None],
            "x": [0.5, -1.0, 2.0],
            "s": ["a", "b", None],
            "d": [DAY, DAY, None],
            "b": [True, False, None],
        }
    ),
    "people": pa.table(
        {
            "id": [1, 2, 3, 4],
            "name": ["Anna", "Bo", None, "Dirk"],
            "city": ["Rome", "Oslo", "Rome", None],
            "kind": ["a", "b", "b", "a"],
            "day": [dt.datetime(2024, 1, number, tzinfo=dt.UTC).replace(tzinfo=None) for number in (5, 20, 1, 6)],
            "price": [5.0, 20.0, None, 80.0],
            "quantity": [1, 2, 3, 4],
        }
    ),
}
