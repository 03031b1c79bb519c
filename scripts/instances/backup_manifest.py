"""What a backup holds, written down: its manifest, the manifest's digest, and the listing of its objects."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backup_places import File, Place
from console import Refusal

FORMAT = 1
MANIFEST = "manifest.json"
DIGEST = "manifest.sha256"
DUMP = "database.dump"
LISTING = "objects.jsonl"
OBJECTS = "objects/"
# The keys that the services choose; nothing else may become a path.
_KEY = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[A-Za-z0-9._/-]{1,512}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MANIFEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """A complete backup.

    Attributes:
        created_at: when its snapshot of the database was taken, RFC 3339 in UTC.
        rows: by table.
        objects: how many, and their bytes; each stands in the listing.
        damaged: keys that rows name but whose objects were lost or not what the rows say, if that was accepted.
    """

    format: int
    project: str
    created_at: str
    code_version: str
    schema_revision: str
    postgres_version: str
    rows: dict[str, int]
    objects: int
    object_bytes: int
    damaged: list[str]
    files: list[File]

    def file(self, name: str) -> File:
        """What is written down of one of the files.

        Raises:
            Refusal: it is not named.
        """
        for file in self.files:
            if file.name == name:
                return file
        raise Refusal(f"{MANIFEST} does not name {name}: it is damaged, take another backup")


@dataclass(frozen=True)
class Listed:
    """One object of a backup."""

    key: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file in the backup."""
        return OBJECTS + self.key


def line_of(one: Listed) -> bytes:
    """Its line in the listing."""
    return json.dumps(asdict(one)).encode() + b"\n"


def is_key(key: str) -> bool:
    """Whether this can be an object of ours: no path that leads out of its folder."""
    return _KEY.fullmatch(key) is not None


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Write it down, last of all: what has a manifest is complete."""
    text = (json.dumps(asdict(manifest), indent=1) + "\n").encode()
    place.write(DIGEST, iter([f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()]))
    place.write(MANIFEST, iter([text]))


def read_manifest(place: Place) -> Manifest:
    """The manifest of a complete backup.

    Raises:
        Refusal: there is none, it is damaged, or newer code has written it.
    """
    text, digest = (_small(place, name) for name in (MANIFEST, DIGEST))
    if hashlib.sha256(text).hexdigest() != digest[:64].decode(errors="replace"):
        raise Refusal(f"{place}: {MANIFEST} does not have the digest in {DIGEST}: it was damaged; take another backup")
    try:
        return _manifest(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{place}: {MANIFEST} cannot be read; take another backup") from error


def _small(place: Place, name: str) -> bytes:
    size = place.size(name)
    if size is None:
        raise Refusal(f"{place}: no complete backup, it has no {name}; {_hint(place)}")
    if size > _MANIFEST_BYTES:
        raise Refusal(f"{place}: {name} is too large to be one of ours")
    return b"".join(place.read(name))


def _hint(place: Place) -> str:
    found = [name for name in place.folders() if place.inside(name).size(MANIFEST) is not None]
    if found:
        return "the backups there are " + ", ".join(str(place.inside(name)) for name in found)
    return "it was interrupted, or this is another folder; scripts/backup.sh prints where its backup is"


def _manifest(facts: Mapping[str, Any]) -> Manifest:
    if facts["format"] != FORMAT:
        raise Refusal(f"a backup of format {facts['format']}, and this code reads {FORMAT}: use the code that made it")
    files = [File(str(one["name"]), int(one["bytes"]), str(one["sha256"])) for one in facts["files"]]
    return Manifest(**{**facts, "files": files})


def read_listing(place: Place) -> Iterator[Listed]:
    """The objects of a backup, in the order of their keys.

    Raises:
        Refusal: a line is none of ours.
    """
    before = ""
    for line in _lines(place.read(LISTING)):
        one = _listed(line)
        if one is None or one.key.encode() <= before.encode():
            raise Refusal(f"{place}: {LISTING} is damaged after {before or 'its beginning'}; take another backup")
        before = one.key
        yield one


def _listed(line: bytes) -> Listed | None:
    try:
        facts = json.loads(line)
        one = Listed(str(facts["key"]), int(facts["bytes"]), str(facts["sha256"]))
    except (ValueError, KeyError, TypeError):
        return None
    return one if is_key(one.key) and one.bytes >= 0 and _SHA256.fullmatch(one.sha256) else None


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
