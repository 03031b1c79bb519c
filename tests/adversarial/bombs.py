"""Files that mean harm, made when they are asked for: name → (filename, content, codes that may be the answer)."""

import gzip
import io
import random
import zipfile
from collections.abc import Callable

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xlsxwriter  # type: ignore[import-untyped]

MEBIBYTE = 2**20
UNPACKED = 100 * MEBIBYTE
CSV = b"a,b\n" + b"1,2\n" * 200
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
Hostile = tuple[str, Callable[[], bytes], set[str]]


def packed(unpacked: int = UNPACKED) -> bytes:
    """Much of the same in little."""
    line = b"1,2\n" * (MEBIBYTE // 4)
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as stream:
        stream.write(b"a,b\n")
        for _ in range(unpacked // MEBIBYTE):
            stream.write(line)
    return file.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def nested(levels: int) -> bytes:
    content = CSV
    for _ in range(levels):
        content = zipped({"a.zip": content})
    return content


def lying_zip() -> bytes:
    """Its directory says that the member is small."""
    content, size = zipped({"a.csv": b"a,b\n" + b"1,2\n" * (4 * MEBIBYTE)}), 4 + 16 * MEBIBYTE
    return content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def sheet(lines: int = 3, sheets: int = 1) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    for _ in range(sheets):
        made = book.add_worksheet()
        for row in range(lines):
            made.write_row(row, 0, ["a", "b"] if row == 0 else [row, "x"])
    book.close()
    return file.getvalue()


def edited(member: str, old: bytes, new: bytes, more: dict[str, bytes] | None = None) -> bytes:
    """A workbook with something else in one of its members."""
    with zipfile.ZipFile(io.BytesIO(sheet())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old in members[member]
    return zipped({**members, member: members[member].replace(old, new), **(more or {})})


def far_cell(reference: str) -> bytes:
    row = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    cell = f'<row r="{row}"><c r="{reference}"><v>1</v></c></row></sheetData>'
    return edited(SHEET, b"</sheetData>", cell.encode())


def declared(declarations: bytes, use: bytes) -> bytes:
    """A workbook whose texts come from entities."""
    start = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    with zipfile.ZipFile(io.BytesIO(sheet())) as archive:
        head = archive.read(STRINGS)[: len(start)]
    doctype = b"<!DOCTYPE sst [" + declarations + b"]>"
    bomb = edited(STRINGS, head, head + doctype)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[STRINGS] = members[STRINGS].replace(b"<t>x</t>", b"<t>" + use + b"</t>")
    return zipped(members)


def laughs() -> bytes:
    lines = [b'<!ENTITY l0 "haha">']
    lines += [b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12)]
    return declared(b"".join(lines), b"&l11;")


def parquet(rows: int = 1000) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(rows)), "b": [str(n) for n in range(rows)]}), file)
    return file.getvalue()


def footer_length(length: int) -> bytes:
    content = parquet()
    return content[:-8] + length.to_bytes(4, "little") + content[-4:]


def mutant(seed: int) -> bytes:
    """A Parquet file with a few bytes of its footer changed."""
    content, chance = bytearray(parquet()), random.Random(seed)  # noqa: S311 - no secret
    footer = int.from_bytes(content[-8:-4], "little")
    for _ in range(4):
        content[len(content) - 8 - footer + chance.randrange(footer)] = chance.randrange(256)
    return bytes(content)


def deep(opening: bytes, closing: bytes, depth: int = 100_000) -> bytes:
    return opening * depth + b"1" + closing * depth


# What is neither a crash nor an internal error; some of the damaged are read in part, or as what they say.
READ = "ready"
BOMB = {"decompression_bomb"}
BAD_PARQUET = {"damaged_file", "unsupported_media_type", "invalid_parquet", "damaged_archive"}
ODD = {READ, "damaged_file", "unsupported_file", "out_of_memory", "crashed", "no_rows", "too_many_cells"}
JSON = {"invalid_json", "not_tabular", "unsupported_media_type"}

PACKED: dict[str, Hostile] = {
    "gzip bomb": ("a.csv.gz", packed, BOMB),
    "zip bomb": ("a.zip", lambda: zipped({"a.csv": b"a,b\n" + b"1,2\n" * (UNPACKED // 4)}), BOMB),
    "gzip of gzip": ("a.csv.gz", lambda: gzip.compress(gzip.compress(CSV)), {"nested_archive"}),
    "packed bomb": ("a.csv.gz", lambda: gzip.compress(packed()), {"nested_archive", *BOMB}),
    "zips in zips": ("a.zip", lambda: nested(6), {"nested_archive"}),
    "lying zip": ("a.zip", lying_zip, {"damaged_archive", "decompression_bomb"}),
    "many members": ("a.zip", lambda: zipped({f"{n}.csv": b"a\n1\n" for n in range(5000)}), {"not_one_file"}),
    "cut gzip": ("a.csv.gz", lambda: gzip.compress(CSV)[:-20], {"damaged_archive"}),
    "slipping zip": ("a.zip", lambda: zipped({"../../../../tmp/slip.csv": CSV}), {READ, "damaged_archive"}),
}
BOOKS: dict[str, Hostile] = {
    "far cell": ("a.xlsx", lambda: far_cell("XFD1048576"), {"too_many_cells"}),
    "beyond the sheet": ("a.xlsx", lambda: far_cell("A1048577"), {"too_many_cells"}),
    "wide": ("a.xlsx", lambda: far_cell("XFD3"), {"too_many_columns"}),
    "billion laughs": ("a.xlsx", laughs, {"unsafe_workbook"}),
    "external entity": (
        "a.xlsx",
        lambda: declared(b'<!ENTITY e SYSTEM "file:///etc/passwd">', b"&e;"),
        {"unsafe_workbook"},
    ),
    "many sheets": ("a.xlsx", lambda: sheet(1, 1001), {"unsafe_workbook"}),
    "text bomb": (
        "a.xlsx",
        lambda: edited(STRINGS, b"<t>x</t>", b"<t>" + b" " * UNPACKED + b"</t>"),
        {"decompression_bomb", "damaged_file"},
    ),
    "slipping members": (
        "a.xlsx",
        lambda: edited(BOOK, b"<sheets>", b"<sheets>", {"../../../../tmp/slip": b"x"}),
        {READ},
    ),
    "a macro": ("a.xlsx", lambda: edited(BOOK, b"<sheets>", b"<sheets>", {"xl/vbaProject.bin": b"x" * 4096}), {READ}),
    "cut": ("a.xlsx", lambda: sheet(500)[:-400], {"damaged_file", "damaged_archive", "unsupported_media_type"}),
}
TABLES: dict[str, Hostile] = {
    "footer of 4 GiB": ("a.parquet", lambda: footer_length(2**32 - 1), BAD_PARQUET),
    "footer of 2 GiB": ("a.parquet", lambda: footer_length(2**31 - 1), BAD_PARQUET),
    "no footer": ("a.parquet", lambda: footer_length(0), BAD_PARQUET),
    "cut footer": ("a.parquet", lambda: parquet()[:-300] + b"PAR1", BAD_PARQUET),
    "only magic": ("a.parquet", lambda: b"PAR1" * 3, {"no_rows"} | BAD_PARQUET),
    **{f"mutant {seed}": ("a.parquet", lambda seed=seed: mutant(seed), BAD_PARQUET | ODD) for seed in range(6)},  # type: ignore[misc]
}
TEXTS: dict[str, Hostile] = {
    "a million columns": (
        "a.csv",
        lambda: b",".join(b"c%d" % n for n in range(10**6)) + b"\n" + b"1," * (10**6 - 1) + b"1\n",
        {"too_many_columns"},
    ),
    "open quote": ("a.csv", lambda: b'a,b\n"' + b"1,2\n" * MEBIBYTE, {"not_tabular", "no_rows", READ}),
    "quotes": ("a.csv", lambda: b"a,b\n" + b'"' * 4 * MEBIBYTE, {"not_tabular", "no_rows", READ}),
    "two encodings": ("a.csv", lambda: "a,b\né,1\n".encode() * 99 + "é,1\n".encode("latin-1") * 9, {READ}),
    "NUL": ("a.csv", lambda: b"a,b\n" + b"\x00,1\n" * 500, {"unsupported_media_type", "not_tabular", READ}),
    "deep list": ("a.json", lambda: b'[{"a":' + deep(b"[", b"]") + b"}]", JSON),
    "deep object": ("a.json", lambda: deep(b'{"a":', b"}"), JSON),
    "deep line": ("a.jsonl", lambda: b'{"a":1}\n{"a":' + deep(b"[", b"]") + b"}\n", {READ, *JSON}),
    "long number": ("a.json", lambda: b'[{"a":' + b"9" * 8 * MEBIBYTE + b"}]", {READ, *JSON}),
    "long key": ("a.json", lambda: b'[{"' + b"k" * 8 * MEBIBYTE + b'":1}]', {READ, *JSON}),
    "many keys": (
        "a.jsonl",
        lambda: b"".join(b'{"k%d":1}\n' % n for n in range(60_000)),
        {"too_many_columns", "invalid_json"},
    ),
    "one line": ("a.csv", lambda: b"a,b\n" + b"x" * 30 * MEBIBYTE + b",1\n", {READ, "not_tabular", "no_rows"}),
}
# A picture, a script and a table at once; it is a table that begins with odd letters.
POLYGLOT = b"GIF89a/*,b\n1,2\n*/=1;alert(1)//,3\n"
# What other programs would run or show, under the name of a table.
DISGUISED: dict[str, bytes] = {
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "GIF": b"GIF89a\x01\x00,b\n1,2\n",
    "JPEG": b"\xff\xd8\xff\xe0,b\n1,2\n",
    "program": b"MZ\x90\x00" + bytes(100),
    "ELF": b"\x7fELF" + bytes(100),
    "page": b"<!DOCTYPE html><html><script>alert(1)</script>a,b\n1,2\n",
    "page after spaces": b" \n\t<HTML><body>a,b\n1,2\n",
    "drawing": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "PDF": b"%PDF-1.7\n1,2\n",
    "old workbook": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    "pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94",
    "database": b"SQLite format 3\x00" + bytes(100),
}
