"""Damaged input to everything that reads what users send, in computing children of the product under its limits."""

import argparse
import re
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from console import note

from . import corpus_headers as headers
from . import corpus_words as words
from .cases import chance, chosen, numbers, shares
from .child_process import ChildProcess, End
from .corpus import TABLES, parquet
from .file_jobs import (
    MEMORY_MB,
    Bench,
    Build,
    Job,
    bytes_of,
    ingest_of,
    looked_at,
    model,
    query,
    steps,
    text_of,
    unpacked,
)
from .report import Report

COUNT = 24_000
# Of an answer: the profile of a table of some columns takes kilobytes.
MOST_ANSWER_BYTES = 8 * 2**20
MOST_WRITTEN_BYTES = 256 * 2**20
MOST_DETAIL = 4000
# A file of some kilobytes may say that it needs more than there is, and is then told so.
ALLOWED = frozenset({"result", "out_of_memory"})
_OURS = re.compile(r"/(tmp|usr|root|home)/|\.py\b|site-packages|Traceback")
_CODE = re.compile(r"`([a-z_0-9]+)`")
ERRORS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"

# With weights: what is written in code of ours, and what lies in front of it, gets most.
PARTS: dict[str, tuple[float, Build]] = {
    "csv": (14, ingest_of("csv")),
    "json": (8, ingest_of("json")),
    "jsonl": (5, ingest_of("jsonl")),
    "parquet": (12, ingest_of("parquet")),
    "xlsx": (10, ingest_of("xlsx")),
    "arff": (7, ingest_of("arff")),
    "packed": (8, unpacked),
    "inspect": (7, looked_at),
    "models": (4, model),
    "steps": (6, steps),
    "sql": (6, query),
    "expressions": (6, text_of("expression", words.EXPRESSIONS, words.EXPRESSION_WORDS)),
    "cron": (3, text_of("cron", words.CRONS, words.CRON_WORDS)),
    "urls": (4, text_of("url", headers.URLS, headers.URL_WORDS)),
    "addresses": (3, text_of("address", headers.ADDRESSES, headers.ADDRESS_WORDS)),
    "traceparent": (2, text_of("traceparent", headers.TRACES, headers.TRACE_WORDS)),
    "entity tags": (2, text_of("tag", headers.TAGS, headers.TAG_WORDS)),
    "digests": (2, text_of("digest", headers.DIGESTS, headers.DIGEST_WORDS)),
    "cursors": (3, text_of("cursor", headers.CURSORS, headers.CURSOR_WORDS)),
    "options": (3, text_of("options", headers.OPTIONS, headers.OPTION_WORDS)),
    "forms": (4, bytes_of("form", (headers.FORM,), headers.FORM_WORDS)),
    "pictures": (2, bytes_of("picture", headers.PICTURES, headers.PICTURE_WORDS)),
    "kinds of files": (3, bytes_of("kind", headers.PICTURES, headers.PICTURE_WORDS)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=Path, help="a folder for the input of each case that failed")


def run(options: argparse.Namespace) -> Report:
    """`count` cases, each part its share."""
    report = Report("files", options.seed)
    counts = shares({name: weight for name, (weight, _) in PARTS.items()}, options.count or COUNT)
    child = ChildProcess(MEMORY_MB)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        bench = _bench(Path(name))
        try:
            for part in chosen(PARTS, options):
                for number in numbers(counts[part], options):
                    _try(report, child, bench, part, number, options.keep)
                note(f"{part}: {report.cases} of {sum(counts.values())} cases")
        finally:
            child.close()
    return report


def _bench(folder: Path) -> Bench:
    operations: Any = import_module("data-service.app.engines.operations.registry").OPERATIONS
    examples = [{"op": name, **operation.model.example} for name, operation in operations.items()]
    (folder / "case").mkdir()
    written = {name: folder / f"{name}.parquet" for name in TABLES}
    for name, path in written.items():
        path.write_bytes(parquet(TABLES[name]))
    return Bench(folder / "case", written["t"], written["people"], examples)


def _try(report: Report, child: ChildProcess, bench: Bench, part: str, number: int, keep: Path | None) -> None:
    job = PARTS[part][1](bench, chance(report.seed, part, number))
    end = child.run(job.function, job.arguments)
    report.count(part, end.code)
    for flaw in flaws(end, bench.folder):
        report.fail(part, number, f"{flaw} (sent {job.sent[:100]!r})")
        _keep(keep, part, number, job)
    # Whatever is in it was written for this case.
    shutil.rmtree(bench.folder)
    bench.folder.mkdir()


def flaws(end: End, folder: Path) -> list[str]:
    """The rules that an end breaks."""
    found = []
    if end.code not in ALLOWED and end.code not in known_codes():
        found.append(f"{end.code}: {end.detail[:1500]}")
    elif _OURS.search(end.detail):
        found.append(f"{end.code} tells of us: {end.detail[:500]}")
    if len(end.detail) > MOST_DETAIL or end.bytes > MOST_ANSWER_BYTES:
        found.append(f"{end.code} says {len(end.detail)} characters and {end.bytes} bytes")
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if written > MOST_WRITTEN_BYTES:
        found.append(f"{written} bytes were written")
    return found


def known_codes() -> frozenset[str]:
    """Those of the catalogue, apart from the one that says that we do not know."""
    if not _codes:
        _codes.update(_CODE.findall(ERRORS.read_text()))
        _codes.difference_update({"internal_error", "crashed", "timeout"})
    return frozenset(_codes)


_codes: set[str] = set()


def _keep(folder: Path | None, part: str, number: int, job: Job) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{part.replace(' ', '-')}-{number}").write_bytes(job.sent)
