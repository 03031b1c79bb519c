"""Jobs of the campaign: a good file or text, what happened to it, and the product's function that is to read it."""

import base64
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..adversarial.hostile import VALUES, leaves, with_value
from . import corpus_headers as headers
from . import corpus_words as words
from .corpus import Named, corpus, members_of, packed, zipped
from .corpus_dictionaries import DICTIONARIES
from .mutation import damaged

MEMORY_MB = 768
PACKINGS = ("gzip", "zstd", "zip")
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
SMALL = "tests.fuzz.small_readers:read"
_DATA = "data-service.app.engines"


@dataclass(frozen=True, slots=True)
class Job:
    """What to call with what; `sent` is what the user would have sent."""

    function: str
    arguments: dict[str, Any]
    sent: bytes


@dataclass(frozen=True)
class Bench:
    """Where jobs are made: a folder for files, and what jobs need that is not damaged."""

    folder: Path
    table: Path
    people: Path
    operations: Sequence[dict[str, Any]] = field(default=())

    @cached_property
    def model(self) -> bytes:
        from .small_readers import good_model

        path = self.folder.parent / "good.skops"
        good_model(path)
        return path.read_bytes()


Build = Callable[[Bench, random.Random], Job]


def _damaged_file(kind: str, chance: random.Random) -> Named:
    name, content = chance.choice(corpus()[kind])
    if kind == "xlsx" and chance.random() < 0.75:
        return name, _damaged_member(content, chance)
    if chance.random() < 0.15:
        other = chance.choice(corpus()[kind])[1]
        content = content[: chance.randrange(len(content))] + other[chance.randrange(len(other)) :]
    return name, damaged(content, chance, DICTIONARIES[kind], is_text=kind not in ("parquet", "xlsx"))


def _damaged_member(content: bytes, chance: random.Random) -> bytes:
    """Inside of a workbook: behind its compression, where chance would hardly get."""
    members = members_of(content)
    name = chance.choice([name for name in members if name.startswith("xl/")])
    return zipped({**members, name: damaged(members[name], chance, DICTIONARIES["xlsx"], is_text=True)})


def _options(chance: random.Random) -> dict[str, Any]:
    """Mostly none, as most say nothing of their files."""
    if chance.random() < 0.7:
        return {}
    told: dict[str, tuple[Any, ...]] = {
        "format": ("csv", "json", "jsonl", "parquet", "xlsx", "arff"),
        "encoding": ("utf-8", "cp1252", "utf-16", "utf-7", "idna", "hex", "unknown-8", "shift_jis", "rot13"),
        "delimiter": (",", ";", "\t", "|", ":", " "),
        "quote": ('"', "'"),
        "header": (True, False),
        "skip": (0, 1, 2, 500),
        "sheet": ("Data", "none"),
        "types": ({"id": "integer", "x": "json"}, {"no such": "date"}, {"day": "date", "place": "boolean"}),
        "null_values": (["NA", "-"], [""], ['"'], ["1"]),
        "decimal": (",", "."),
        "thousands": (",", ".", " ", "'"),
        "date_format": ("%d.%m.%Y", "%", "%Q%%", "%Y-%m-%d"),
        "datetime_format": ("%d.%m.%Y %H:%M", "%s", "%Y%Y"),
    }
    return {name: chance.choice(told[name]) for name in chance.sample(list(told), chance.randint(1, 3))}


def _reading(bench: Bench, named: Named, chance: random.Random, *, look: bool) -> Job:
    name, content = named
    source = bench.folder / "source"
    source.write_bytes(content)
    job = {
        "source": str(source),
        "filename": name if chance.random() < 0.9 else "a.bin",
        "scratch": str(bench.folder),
        "options": _options(chance),
        "max_columns": 1000,
        "max_unpacked_bytes": 64 * 2**20,
        "memory_mb": MEMORY_MB,
        "threads": 1,
    }
    if look:
        more = {"sample_rows": 20, "partial": chance.random() < 0.3}
        return Job(f"{_DATA}.inspect_file:inspect", {**job, **more}, content)
    return Job(f"{_DATA}.ingest:ingest", {**job, "parquet": str(bench.folder / "data.parquet")}, content)


def ingest_of(kind: str) -> Build:
    return lambda bench, chance: _reading(bench, _damaged_file(kind, chance), chance, look=False)


def looked_at(bench: Bench, chance: random.Random) -> Job:
    named = _damaged_file(chance.choice(list(corpus())), chance)
    return _reading(bench, _perhaps_packed(named, chance) if chance.random() < 0.3 else named, chance, look=True)


def unpacked(bench: Bench, chance: random.Random) -> Job:
    named = _damaged_file(chance.choice(list(corpus())), chance)
    return _reading(bench, _perhaps_packed(named, chance), chance, look=False)


def _perhaps_packed(named: Named, chance: random.Random) -> Named:
    """Damage inside of a packing, or to it."""
    name, content = packed(named, chance.choice(PACKINGS))
    if chance.random() < 0.6:
        content = damaged(
            content,
            chance,
            (b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x00" * 4),
        )
    return name, content


def text_of(reader: str, good: Sequence[str], dictionary: Sequence[str]) -> Build:
    """A small grammar: words of it are put together, or damaged."""

    def build(bench: Bench, chance: random.Random) -> Job:
        text = _text(good, dictionary, chance)
        more = {"zone": chance.choice(words.ZONES), "turn": chance.randrange(4), "filename": "a.csv"}
        return Job(SMALL, {"reader": reader, "text": base64.b64encode(text).decode(), **more}, text)

    return build


def _text(good: Sequence[str], dictionary: Sequence[str], chance: random.Random) -> bytes:
    encoded = [word.encode("utf-8", "surrogatepass") for word in dictionary]
    if chance.random() < 0.3:
        pieces = chance.choices([*encoded, *(text.encode() for text in good)], k=chance.randint(0, 8))
        return chance.choice((b"", b" ")).join(pieces)
    if chance.random() < 0.5:
        return _other_words(good, dictionary, chance).encode("utf-8", "surrogatepass")
    return damaged(chance.choice(good).encode(), chance, encoded, most=3, is_text=True)


def _other_words(good: Sequence[str], dictionary: Sequence[str], chance: random.Random) -> str:
    """A good text in which a word or two are those of another, so that its form mostly stays good."""
    found = _WORD.findall(chance.choice(good))
    for _ in range(chance.randint(0, 2)):
        others = _WORD.findall(chance.choice(good)) if chance.random() < 0.7 else dictionary
        found[chance.randrange(len(found))] = chance.choice(others)
    return "".join(found)


def bytes_of(reader: str, good: Sequence[bytes], dictionary: Sequence[bytes]) -> Build:
    def build(bench: Bench, chance: random.Random) -> Job:
        content = damaged(chance.choice(good), chance, dictionary)
        more = {"kind": chance.choice(headers.KINDS), "size": chance.choice((1, 7, 64, 4096)), "filename": "a.json"}
        return Job(SMALL, {"reader": reader, "text": base64.b64encode(content).decode(), **more}, content)

    return build


def model(bench: Bench, chance: random.Random) -> Job:
    content = bench.model
    if chance.random() < 0.7:
        members = members_of(content)
        name = chance.choice(list(members))
        dictionary = (
            b'"__class__"',
            b'"posix"',
            b'"system"',
            b'"builtins"',
            b'"eval"',
            b"null",
            b"{}",
            b"[" * 300,
            b"-1",
            b"\x93NUMPY",
        )
        content = zipped({**members, name: damaged(members[name], chance, dictionary)})
    else:
        content = damaged(content, chance, (b"PK\x05\x06", b"PK\x03\x04", b"\x80\x04", b"\x00" * 8))
    return Job(SMALL, {"reader": "model", "text": base64.b64encode(content).decode()}, content)


def query(bench: Bench, chance: random.Random) -> Job:
    text = _text(words.QUERIES, words.QUERY_WORDS, chance)
    sql = text.decode("utf-8", "replace")
    tables = [{"name": "t", "path": str(bench.table), "hidden": chance.choice(([], ["x"]))}]
    job = {
        "sql": sql,
        "limit": 50,
        "tables": tables,
        "memory_mb": MEMORY_MB,
        "threads": 1,
        "private": chance.random() < 0.3,
    }
    return Job("shared.queries.query:run", job, text)


def steps(bench: Bench, chance: random.Random) -> Job:
    """One to three operations by their own examples, with a value or two that nobody means well with."""
    chosen = [dict(chance.choice(bench.operations)) for _ in range(chance.randint(1, 3))]
    text = json.dumps({"steps": chosen}).encode()
    for _ in range(chance.randint(0, 2)):
        body = json.loads(text, strict=False)
        value = chance.choice([*VALUES, *words_as_json(words.EXPRESSION_WORDS)]).replace("{mark}", "m")
        text = with_value(body, chance.choice(list(leaves(body))), value)
        try:
            json.loads(text)
        except ValueError:
            break
    # As the service hands them on: whatever JSON can say.
    parsed = _parsed(text)
    job = {
        "steps": parsed if isinstance(parsed, list) else [parsed],
        "inputs": {"main": str(bench.people)},
        "scratch": str(bench.folder),
        "max_columns": 1000,
        "limit": 20,
        "sample_rows": 100,
        "memory_mb": MEMORY_MB,
        "threads": 1,
    }
    return Job(f"{_DATA}.pipelines.pipeline:preview", job, text)


def _parsed(text: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(text)["steps"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return [{"op": text[:200].decode("utf-8", "replace")}]


def words_as_json(texts: Sequence[str]) -> list[str]:
    return [json.dumps(text) for text in texts]
