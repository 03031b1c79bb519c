"""Make a backup of an instance: its database at one moment, and every object that this refers to."""

import argparse
import asyncio
import json
import os
import re
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from backup_manifest import DUMP, FORMAT, LISTING, MANIFEST, Listed, Manifest, is_key, line_of, write_manifest
from backup_objects import TRANSFER_FAILURES, Damaged, Progress, copy, explained, in_order
from backup_places import Bucket, File, Place, connect, place_of
from backup_reach import reach
from backup_references import Reference, count_rows, references
from backup_snapshot import Hold, Snapshot, held, snapshot
from console import Refusal, answer, note
from instance import ROOT, Instance
from postgres_tools import tools_of

DEFAULT = ROOT / "backups"
TIME = re.compile(r"\d{8}T\d{6}Z")
SHOWN = 10


@dataclass(frozen=True)
class Order:
    """What is wanted."""

    instance: Instance
    mode: str
    to: Place
    keep: int | None
    accept_damage: bool


def command(instance: Instance, mode: str, arguments: Sequence[str]) -> int:
    """`backup`: its options, then the backup; prints where it is."""
    options = _parser().parse_args(arguments)
    if not instance.env_file.exists():
        raise Refusal(f"{instance.name} is not set up yet: run ./scripts/setup.sh")
    order = Order(reach(instance, mode), mode, place_of(options.to, os.environ), options.keep, options.accept_damage)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with explained():
        answer(str(make_backup(order)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup", description=__doc__)
    parser.add_argument("--to", default=str(DEFAULT))
    parser.add_argument("--keep", type=_positive)
    parser.add_argument("--accept-damage", action="store_true")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a number of backups, 1 or more")
    return int(text)


def make_backup(order: Order) -> Place:
    """Make it; an old one is removed only when the new one is complete.

    Raises:
        Refusal: it cannot be made; what was written of it has been removed.
    """
    shelf = order.to.inside(order.instance.name)
    place = shelf.inside(datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    if place.size(MANIFEST) is not None:
        raise Refusal(f"{place} was made within this second: try again")
    note(f"{order.instance.name}: backing up to {place}")
    try:
        manifest = asyncio.run(_make(order, place))
    except BaseException:
        # What remains because its server has gone is no complete backup, and --keep removes it.
        with suppress(*TRANSFER_FAILURES, Refusal):
            place.remove()
        raise
    note(
        f"{order.instance.name}: complete: {sum(manifest.rows.values())} rows and {manifest.objects} objects "
        f"({manifest.object_bytes / 1e6:.1f} MB) as of {manifest.created_at}"
    )
    if order.keep:
        remove_old(shelf, order.keep)
    return place


async def _make(order: Order, place: Place) -> Manifest:
    async with held(order.instance.address("postgres")) as hold:
        with tempfile.TemporaryFile("w+") as wanted:
            async with snapshot(hold) as moment:
                rows = await _spool(hold, wanted)
                dump = await asyncio.to_thread(_dump, order, moment, place)
            listing, damaged = await _while_held(hold, partial(_copy_all, order, wanted, place))
        await hold.require()
        manifest = _manifest(order, moment, rows, damaged, [dump, listing[0]], listing[1])
        await asyncio.to_thread(write_manifest, place, manifest)
        return manifest


async def _spool(hold: Hold, wanted: IO[str]) -> dict[str, int]:
    async for one in references(hold.connection):
        if not is_key(one.key):
            raise Refusal(f"a row names an object {one.key!r}, which is no key of ours")
        wanted.write(json.dumps(asdict(one)) + "\n")
    wanted.seek(0)
    return await count_rows(hold.connection)


def _dump(order: Order, moment: Snapshot, place: Place) -> File:
    tools = tools_of(order.instance, order.mode, int(moment.postgres_version.split(".")[0]))
    database = order.instance.address("postgres").name
    file = place.write(DUMP, tools.dump(database, moment.id))
    note(f"  the database as of {moment.taken_at}: {file.bytes / 1e6:.1f} MB")
    return file


Copied = tuple[tuple[File, tuple[int, int]], list[str]]


async def _while_held(hold: Hold, copy_all: "partial[Copied]") -> Copied:
    """Copy in a thread while the lock is watched; whichever fails ends the other."""
    progress = Progress("copied")
    copying = asyncio.create_task(asyncio.to_thread(copy_all, progress))
    watching = asyncio.create_task(hold.beat())
    try:
        await asyncio.wait({copying, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        return await copying
    finally:
        progress.stop()
        watching.cancel()
        # Waited for, so that nobody writes when the rest is removed.
        await asyncio.gather(copying, watching, return_exceptions=True)


def _copy_all(order: Order, wanted: IO[str], place: Place, progress: Progress) -> Copied:
    source, damaged, count = bucket_of(order.instance), list[Damaged](), [0, 0]
    work = partial(copy, source=source, target=place, progress=progress)

    def lines() -> Iterator[bytes]:
        for done in in_order(work, (Reference(**json.loads(line)) for line in wanted), progress):
            if isinstance(done, Damaged):
                damaged.append(done)
            elif isinstance(done, Listed):
                count[:] = [count[0] + 1, count[1] + done.bytes]
                yield line_of(done)

    listing = place.write(LISTING, lines())
    note(f"  {progress}")
    if damaged:
        _judge(order, damaged)
    return (listing, (count[0], count[1])), [one.key for one in damaged]


def _judge(order: Order, damaged: list[Damaged]) -> None:
    shown = "".join(f"\n  {one.key}: {one.why}" for one in damaged[:SHOWN])
    says = f"{len(damaged)} objects that rows need are lost or damaged:{shown}"
    if not order.accept_damage:
        raise Refusal(f"{says}\nput them back, or take the backup without them: --accept-damage")
    note(f"warning: {says}")


def bucket_of(instance: Instance) -> Bucket:
    """The instance's bucket, with patience for large objects."""
    values = instance.values
    keys = (values["S3_ENDPOINT_URL"], values["S3_ACCESS_KEY"], values["S3_SECRET_KEY"])
    return Bucket(connect(*keys, values.get("S3_REGION") or "us-east-1"), values["S3_BUCKET"], "")


def _manifest(
    order: Order, moment: Snapshot, rows: dict[str, int], damaged: list[str], files: list[File], size: tuple[int, int]
) -> Manifest:
    return Manifest(
        format=FORMAT,
        project=order.instance.name,
        created_at=moment.taken_at,
        code_version=constant_of(order.instance.code / "shared" / "version.py"),
        schema_revision=moment.schema_revision,
        postgres_version=moment.postgres_version,
        rows=rows,
        objects=size[0],
        object_bytes=size[1],
        damaged=damaged,
        files=files,
    )


def constant_of(path: Path) -> str:
    """The text that the one constant of a module holds.

    Raises:
        Refusal: there is none.
    """
    found = re.search(r'^[A-Z_]+ = "([^"]+)"$', path.read_text(), re.MULTILINE)
    if found is None:
        raise Refusal(f"{path} does not say what it should")
    return found[1]


def remove_old(shelf: Place, keep: int) -> None:
    """Remove what is older than the `keep` newest complete backups, interrupted ones too."""
    names = [name for name in shelf.folders() if TIME.fullmatch(name)]
    complete = [name for name in names if shelf.inside(name).size(MANIFEST) is not None]
    if len(complete) < keep:
        return
    for name in names:
        if name < complete[-keep]:
            note(f"  removing {shelf.inside(name)}")
            shelf.inside(name).remove()
