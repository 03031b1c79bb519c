"""Which part of a JSON text is its table: an array of objects, objects one after the other, the one array of objects
inside an object, or an object of columns."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from .json_records import MAX_DEPTH, Document, TooLarge, elements, invalid_json, is_deeper
from .source import IngestReport

NAMES_SHOWN = 100
TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep."
SHAPES = "an array of objects, an object with one such array, an object of columns, or one object after the other"


def records(path: Path, report: IngestReport) -> Generator[str]:
    """The texts of the records of a JSON text; `report` tells where in it they stand.

    Raises:
        ComputeError: `invalid_json`, also for a shape that is none of SHAPES.
    """
    with closing(Document(path)) as document:
        first = document.peek()
        if first == "[":
            yield from elements(document)
        elif first == "{":
            yield from _objects(document, path, report)
        else:
            raise invalid_json(f"it begins with {first!r}. Accepted: {SHAPES}.")
        _require_end(document)


def _objects(document: Document, path: Path, report: IngestReport) -> Iterator[str]:
    try:
        text = document.value()
    except TooLarge:
        yield from _inside(path, report)
        # What is left of the text has been read there.
        document.skip_all()
        return
    if not document.peek():
        yield from _single(text, path, report)
        return
    yield text
    while document.peek() == "{":
        yield document.value()


def _single(text: str, path: Path, report: IngestReport) -> Iterator[str]:
    content = _loaded(text)
    if any(map(_is_records, content.values())):
        yield from _inside(path, report)
    elif columns := _columns(content):
        yield from (json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))
    else:
        yield text


def _loaded(text: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(text)
    except RecursionError as error:
        raise invalid_json(TOO_DEEP) from error
    if is_deeper(content, MAX_DEPTH + 2):
        raise invalid_json(TOO_DEEP)
    return content


def _inside(path: Path, report: IngestReport) -> Iterator[str]:
    """The elements of the one member that is an array of objects; the others are passed over, and named."""
    passed: list[str] = []
    with closing(Document(path)) as document:
        for name in _members(document):
            if document.peek() == "[":
                yield from _elements(document, name, report)
            else:
                document.value()
            if report.get("records_in") != name and len(passed) < NAMES_SHOWN:
                passed.append(name)
        _require_end(document)
    if "records_in" not in report:
        raise invalid_json(f"it is one object of more bytes than a record may have. Accepted: {SHAPES}.")
    report["passed_over"] = passed


def _elements(document: Document, name: str, report: IngestReport) -> Iterator[str]:
    """The elements of an array of objects, which becomes the table; those of another array are stepped over."""
    found = False
    for index, text in enumerate(elements(document)):
        if index == 0 and text.startswith("{"):
            if "records_in" in report:
                detail = f"its members {report['records_in']!r} and {name!r} are both arrays of objects."
                raise invalid_json(f"{detail} Upload one of them.")
            found, report["records_in"] = True, name
        if found:
            yield text


def _require_end(document: Document) -> None:
    if left := document.peek():
        raise invalid_json(f"line {document.line}: {left!r} stands behind its end.")


def _members(document: Document) -> Iterator[str]:
    """The names of an object's members; whoever asks for the next has read the value of the one before."""
    document.take("{")
    while document.peek() != "}":
        name = json.loads(document.value())
        if not isinstance(name, str):
            raise invalid_json(f"line {document.line}: a name in quotation marks was expected.")
        document.take(":")
        yield name[:200]
        if document.peek() != ",":
            break
        document.take(",")
    document.take("}")


def _is_records(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(item, dict) for item in value)


def _columns(content: Mapping[str, Any]) -> dict[str, list[Any]] | None:
    """Lists of equal length by name, as pandas writes with orient="list", or "columns" and rows numbered from 0."""
    lists = {name: _listed(value) for name, value in content.items()}
    found = {name: values for name, values in lists.items() if values}
    lengths = {len(values) for values in found.values()}
    return found if len(found) == len(content) and len(lengths) == 1 else None


def _listed(value: object) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and list(value) == [str(number) for number in range(len(value))]:
        return list(value.values())
    return None
