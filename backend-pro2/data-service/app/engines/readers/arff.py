"""ARFF, the format of Weka and OpenML, to Parquet: the header names the types, the data is dense or sparse."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from shared.tabular.names import unique_names
from shared.tabular.quoting import identifier
from shared.tabular.types import INTEGER, NUMBER

from . import encoding, stage, typed
from .arff_header import Attribute, attribute, invalid_arff, unquoted, values
from .dialect import no_rows, too_many_columns
from .source import Conversion, IngestReport, Read, RejectedLine, Source, clean_report
from .typed import Staged, StagedColumn

MAX_LINE = 4 * 1024 * 1024
REJECT_SAMPLES = 20
_SPARSE = re.compile(r"\s*(\d{1,9})\s+(.*)", re.DOTALL)
_WHOLE = r"[+-]?(0|[1-9]\d{0,17})(\.0*)?"

Row = list[str | None]


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write the ARFF file `source` to `target` as Parquet; rows that do not fit the header are reported.

    Raises:
        ComputeError: `invalid_arff`, `no_rows`, `too_many_columns`, `column_not_found`, `not_tabular`.
    """
    report = clean_report("arff")
    found = encoding.detect(source.path)
    report["encoding"], report["encoding_certain"] = found.name, found.certain
    with source.path.open(encoding=found.name, errors="replace") as file:
        numbered = _numbered(file)
        attributes = _header(numbered, source.max_columns)
        names, report["renamed"] = unique_names([entry.name for entry in attributes])
        rows = _rows(numbered, attributes, report)
        width = len(attributes)
        batches = (list(zip(*batch, strict=True)) for batch in stage.batches(rows, width))
        relation = stage.write(source.scratch / "staged.parquet", [pa.string()] * width, batches)
    kinds = _kinds(connection, relation, names, attributes)
    options = replace(source.options, types={**kinds, **source.options.types})
    staged = Staged(relation, [StagedColumn(f"c{index}", name, "VARCHAR") for index, name in enumerate(names)])
    count = typed.write(connection, staged, options, target, report)
    _note_nominal(names, attributes, kinds, report)
    if count == 0 and report["rejected_samples"]:
        sample = report["rejected_samples"][0]
        raise invalid_arff(sample["line"], sample["reason"])
    if count == 0:
        raise no_rows()
    return Read(count, report)


def _numbered(file: IO[str]) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with its number."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) >= MAX_LINE:
            raise invalid_arff(number, f"it has more than {MAX_LINE} characters")
        text = line.removeprefix("\ufeff").strip()
        if text and not text.startswith("%"):
            yield number, text


def _header(numbered: Iterator[tuple[int, str]], max_columns: int) -> list[Attribute]:
    attributes: list[Attribute] = []
    last = 0
    for last, text in numbered:
        word = text.split(None, 1)[0].lower()
        if word == "@attribute":
            attributes.append(attribute(text, last))
            if len(attributes) > max_columns:
                raise too_many_columns(len(attributes), max_columns)
        elif word == "@data":
            break
        elif word != "@relation":
            raise invalid_arff(last, f"{word[:40]!r} does not belong into the header")
    else:
        raise invalid_arff(last, "the file ends before @data")
    if not attributes:
        raise invalid_arff(last, "there is no @attribute above @data")
    return attributes


def _rows(numbered: Iterator[tuple[int, str]], attributes: Sequence[Attribute], report: IngestReport) -> Iterator[Row]:
    dated = [(index, entry.date) for index, entry in enumerate(attributes) if entry.date]
    for number, text in numbered:
        row = _sparse(text[1:-1], attributes) if text[0] == "{" and text[-1] == "}" else values(text)
        if row is None or len(row) != len(attributes):
            _reject(report, number, text, row, len(attributes))
            continue
        for index, pattern in dated:
            row[index] = _iso(row[index], pattern)
        yield row


def _sparse(text: str, attributes: Sequence[Attribute]) -> Row | None:
    row: Row = [entry.implied for entry in attributes]
    parts = _split(text)
    for part in parts or ():
        found = _SPARSE.fullmatch(part)
        if found is None or int(found[1]) >= len(row):
            return None
        value = found[2].strip()
        row[int(found[1])] = None if value == "?" else unquoted(value)
    return None if parts is None else row


def _split(text: str) -> list[str] | None:
    """At the commas outside of quotation marks; None where those are broken."""
    if not text.strip():
        return []
    if "'" not in text and '"' not in text:
        return text.split(",")
    parts = _QUOTED.findall(text)
    return parts if sum(map(len, parts)) + len(parts) - 1 == len(text) else None


_QUOTED = re.compile(r"""(?:[^,'"]++|'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")++""", re.DOTALL)


def _reject(report: IngestReport, number: int, text: str, row: Row | None, width: int) -> None:
    reason = "quotation marks or a sparse row cannot be read"
    if row is not None:
        reason = "too few values" if len(row) < width else "too many values"
    report["rejected_rows"] += 1
    report["rejected_reasons"][reason] = report["rejected_reasons"].get(reason, 0) + 1
    if len(report["rejected_samples"]) < REJECT_SAMPLES:
        report["rejected_samples"].append(RejectedLine(line=number, reason=reason, text=text[:200]))


def _iso(value: str | None, pattern: str) -> str | None:
    """A date as ISO 8601; one that does not fit its pattern stays, to be reported as what it is."""
    with suppress(ValueError):
        return value and dt.datetime.strptime(value, pattern).isoformat(" ")  # noqa: DTZ007 - the file's own
    return value


def _kinds(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str], attributes: Sequence[Attribute]
) -> Mapping[str, str]:
    """The contract's types by name; numbers are integers where all of them are whole."""
    kinds = {name: entry.kind for name, entry in zip(names, attributes, strict=True)}
    whole = [index for index, entry in enumerate(attributes) if entry.whole]
    for start in range(0, len(whole), typed.AT_ONCE):
        batch = whole[start : start + typed.AT_ONCE]
        tests = ", ".join(f"bool_and({typed.matches(_WHOLE, identifier(f'c{index}'))})" for index in batch)
        row = connection.execute(f"SELECT {tests} FROM {relation}").fetchone() or ()  # noqa: S608 - our own names
        kinds |= {names[index]: INTEGER if yes else NUMBER for index, yes in zip(batch, row, strict=True)}
    return kinds


def _note_nominal(
    names: Sequence[str], attributes: Sequence[Attribute], kinds: Mapping[str, str], report: IngestReport
) -> None:
    for name, entry in zip(names, attributes, strict=True):
        if entry.nominal and kinds[name] == INTEGER:
            note = "read as integers: all values that the header lists are whole numbers"
            report["conversions"].append(Conversion(column=name, note=note))
