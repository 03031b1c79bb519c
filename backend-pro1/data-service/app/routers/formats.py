"""The kinds of files that are taken, as `GET /upload/formats` lists them."""

from ..schemas.uploads import FileFormat

_TYPES = "column types"

FORMATS = [
    FileFormat(
        name="csv",
        title="Delimited text (CSV, TSV)",
        extensions=[".csv", ".tsv", ".txt"],
        media_types=["text/csv", "text/tab-separated-values", "text/plain"],
        detected=["encoding", "delimiter", "quoting", "header", _TYPES, "thousands and decimal separators"],
    ),
    FileFormat(
        name="json",
        title="JSON: an array of objects, or an object that holds one",
        extensions=[".json"],
        media_types=["application/json"],
        detected=["encoding", _TYPES],
    ),
    FileFormat(
        name="jsonl",
        title="JSON Lines: an object a line",
        extensions=[".jsonl", ".ndjson"],
        media_types=["application/x-ndjson", "application/jsonl"],
        detected=["encoding", _TYPES],
    ),
    FileFormat(
        name="parquet",
        title="Apache Parquet",
        extensions=[".parquet"],
        media_types=["application/vnd.apache.parquet"],
        detected=[],
    ),
    FileFormat(
        name="xlsx",
        title="Excel workbook; one sheet is read",
        extensions=[".xlsx"],
        media_types=["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        detected=["sheet", "header", _TYPES],
    ),
    FileFormat(
        name="arff",
        title="Attribute-relation file of Weka",
        extensions=[".arff"],
        media_types=["text/plain"],
        detected=["encoding"],
    ),
    FileFormat(
        name="gz",
        kind="compression",
        title="gzip, around a text file",
        extensions=[".gz"],
        media_types=["application/gzip"],
        detected=["format"],
    ),
    FileFormat(
        name="zst",
        kind="compression",
        title="Zstandard, around a text file",
        extensions=[".zst"],
        media_types=["application/zstd"],
        detected=["format"],
    ),
    FileFormat(
        name="zip",
        kind="compression",
        title="ZIP archive with one file in it",
        extensions=[".zip"],
        media_types=["application/zip"],
        detected=["format"],
    ),
]
