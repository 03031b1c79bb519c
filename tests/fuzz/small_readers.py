"""In a computing child: everything small that reads what users send, called as the services call it.

A refusal of ours becomes a ComputeError with its code, so that anything else is seen to be a bug.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

_ComputeError: Any = import_module("shared.compute.protocol").ComputeError
_APIException: Any = import_module("shared.errors").APIException
_NOW = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
_COLUMNS = {"i": "integer", "x": "number", "s": "string", "d": "date", "b": "boolean", "the column": "string"}
_ROW = "SELECT 7 AS i, 2.5 AS x, 'a' AS s, DATE '2024-02-29' AS d, true AS b, 'c' AS \"the column\""
LONGEST_ANSWER = 1_000_000


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except _APIException as error:
        raise _ComputeError(error.code, error.detail) from error


def read(job: Mapping[str, Any], report: object) -> dict[str, Any]:
    """Have the reader `job["reader"]` read `job["text"]`, which is base64 of bytes."""
    with _refusals():
        answer = _READERS[job["reader"]](base64.b64decode(job["text"]), job)
    told = repr(answer)
    assert len(told) < LONGEST_ANSWER, f"an answer of {len(told)} characters"
    return {"told": told[:200]}


def _as_text(data: bytes) -> str:
    # As a string that comes out of JSON, or of a header: any character, also half of one.
    return data.decode("utf-8", "surrogateescape")


def _expression(data: bytes, job: Mapping[str, Any]) -> object:
    """Compiled, and then run over a row: what compiles gives a value of its type, or fails in words for users."""
    import duckdb

    explained = import_module("data-service.app.engines.pipelines.errors").explained
    compiled = import_module("data-service.app.engines.expressions").compile_expression(_as_text(data), _COLUMNS)
    with import_module("shared.tabular.duck").connect(memory_mb=64, threads=1) as connection:
        try:
            return connection.execute(f"SELECT {compiled.sql} FROM ({_ROW})").fetchall()  # noqa: S608 - compiled
        except duckdb.Error as error:
            raise explained(error) from error


def _cron(data: bytes, job: Mapping[str, Any]) -> object:
    times = import_module("ai-service.app.services.schedule_times")
    calendar = times.require_calendar(_as_text(data), job["zone"], _NOW)
    return list(islice(calendar.after(_NOW), 5)), calendar.latest(datetime(2026, 3, 1, tzinfo=UTC), _NOW, 3)


def _url(data: bytes, job: Mapping[str, Any]) -> object:
    guard = import_module("shared.url_guard")
    url = guard.parse_url(_as_text(data))
    guard.require_outside(url, ())
    return str(url)


def _address(data: bytes, job: Mapping[str, Any]) -> object:
    addresses, guard = import_module("shared.addresses"), import_module("shared.url_guard")
    forwarded = [(b"x-forwarded-for", data), (b"x-forwarded-for", b"10.0.0.1")]
    resolver = addresses.AddressResolver(["10.0.0.0/8", "::1"])
    found = resolver.of({"type": "http", "client": ("10.1.1.1", 1), "headers": forwarded})
    address = guard.literal(_as_text(data))
    return found, address and guard.is_allowed(address, ())


def _tag(data: bytes, job: Mapping[str, Any]) -> object:
    etags = import_module("shared.etags")
    text = data.decode("latin-1")
    return etags.unchanged(text, '"abc"'), etags.still_current(text, '"abc"')


def _cursor(data: bytes, job: Mapping[str, Any]) -> object:
    pagination, cursors = import_module("shared.pagination"), import_module("data-service.app.services.cursors")
    readers: tuple[Callable[[str], object], ...] = (
        pagination.decode_cursor,
        pagination.decode_position,
        cursors.place_in,
        lambda text: cursors.decode(text, ["q"]),
    )
    return readers[job["turn"] % len(readers)](_as_text(data))


def _options(data: bytes, job: Mapping[str, Any]) -> object:
    """As a form's field: what pydantic says of it is a 422."""
    from pydantic import TypeAdapter, ValidationError

    options: Any = import_module("data-service.app.schemas.uploads").Options
    adapter: Any = TypeAdapter(options)
    try:
        return adapter.validate_python(_as_text(data))
    except ValidationError as error:
        raise _ComputeError("validation_failed", "It does not fit.") from error


def _form(data: bytes, job: Mapping[str, Any]) -> object:
    form = import_module("data-service.app.services.form_stream")

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), job["size"]):
            yield data[start : start + job["size"]]

    async def events() -> int:
        return len([event async for event in form.read_form(job["kind"], chunks())])

    return asyncio.run(events())


def _model(data: bytes, job: Mapping[str, Any]) -> object:
    return type(import_module("ai-service.app.engines.training.model_files").load_model(data)).__name__


def _picture(data: bytes, job: Mapping[str, Any]) -> object:
    kind = import_module("api-gateway.app.core.images").image_type(data)
    assert kind is None or kind.startswith("image/")
    return kind


_READERS: dict[str, Callable[[bytes, Mapping[str, Any]], object]] = {
    "expression": _expression,
    "cron": _cron,
    "url": _url,
    "address": _address,
    "traceparent": lambda data, job: import_module("shared.tracing.traceparent").parse_traceparent(
        data.decode("latin-1")
    ),
    "tag": _tag,
    "digest": lambda data, job: import_module("data-service.app.services.upload_parts").expected_sha256(_as_text(data)),
    "cursor": _cursor,
    "options": _options,
    "form": _form,
    "model": _model,
    "picture": _picture,
    "kind": lambda data, job: import_module("data-service.app.engines.readers.kinds").recognise(data, job["filename"]),
}


def good_model(path: Path) -> None:
    """A small fitted model's file, as training writes it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    import_module("ai-service.app.engines.training.model_files").dump_model(model, path)
