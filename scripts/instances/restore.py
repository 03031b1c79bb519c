"""Restore a backup into an instance: all is checked first, then come the objects, then the database by one swap."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from backup import bucket_of, constant_of
from backup_manifest import DUMP, LISTING, Listed, Manifest, read_listing, read_manifest
from backup_objects import Progress, explained, in_order, matches, patiently, put_back
from backup_places import Bucket, Measure, Place, place_of
from backup_reach import reach
from console import Refusal, note
from instance import Instance
from postgres_tools import tools_of
from restore_database import (
    Names,
    answers,
    content,
    forget_replaced,
    make_fresh,
    put_in_order,
    require_counts,
    require_objects,
    server_major,
    swap,
    within,
)
from restore_stage import Stage, set_up

SHOWN = 10


@dataclass(frozen=True)
class Wish:
    """What is wanted beside the backup: to check it only, to replace what is there, and not to be asked."""

    check: bool
    replace: bool
    yes: bool


def command(instance: Instance, mode: str, arguments: Sequence[str]) -> int:
    """`restore`: its options, then the restore."""
    parser = argparse.ArgumentParser(prog="restore", description=__doc__)
    parser.add_argument("--from", dest="source", required=True)
    for flag in ("--check", "--replace", "--yes"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wish = Wish(options.check, options.replace, options.yes)
    with explained():
        restore(instance, mode, place_of(options.source, os.environ), wish)
    return 0


def restore(instance: Instance, mode: str, backup: Place, wish: Wish) -> None:
    """Check the backup, then put it into the instance unless only the check is wanted.

    Raises:
        Refusal: the backup is no good, or not for this instance; until the swap of databases all is as it was before.
    """
    manifest = read_manifest(backup)
    note(f"{backup}: a backup of {manifest.project} as of {manifest.created_at}, schema {manifest.schema_revision}")
    require_known_schema(instance, manifest)
    if wish.check:
        check(backup, manifest)
        note("the backup is complete and whole; nothing was changed")
        return
    wish = _ask_early(instance, mode, manifest, wish)
    check(backup, manifest)
    with set_up(instance, mode) as stage:
        try:
            _restore(stage, backup, manifest, wish)
        except BaseException:
            note(_what_now(instance))
            raise


def _what_now(instance: Instance) -> str:
    return (
        f"{instance.name}: not complete. Its services stand still; scripts/restore.sh with the same options does it "
        f"anew, ./scripts/start-dev.sh --project {instance.name} starts what is there now"
    )


def require_known_schema(instance: Instance, manifest: Manifest) -> None:
    """Let pass a backup whose schema this instance's code knows.

    Raises:
        Refusal: newer code has made it.
    """
    known = constant_of(instance.code / "shared" / "schema_revision.py")
    if manifest.schema_revision > known:
        raise Refusal(
            f"the backup has schema {manifest.schema_revision} and the code of {instance.name} knows {known}: bring "
            "the code up to date, then restore"
        )


def check(backup: Place, manifest: Manifest) -> None:
    """Read every file of the backup and compare it with what is written down.

    Raises:
        Refusal: one is absent or other than it was.
    """
    for name in (LISTING, DUMP):
        file, measure = manifest.file(name), Measure()
        if patiently(partial(backup.size, name)) != file.bytes:
            raise Refusal(f"{backup}: {name} is absent or cut off; take another backup")
        for _ in measure.over(backup.read(name)):
            pass
        if measure.sha256 != file.sha256:
            raise Refusal(f"{backup}: {name} is not what it was when it was written; take another backup")
    _check_objects(backup, manifest)


def _check_objects(backup: Place, manifest: Manifest) -> None:
    progress, faults = Progress("checked"), list[str]()

    def look(one: Listed) -> str:
        is_good = patiently(lambda: matches(backup, one.name, one, progress))
        return "" if is_good else one.name

    for fault in in_order(look, read_listing(backup), progress):
        faults += [fault] if fault else []
    note(f"  {progress}")
    if faults:
        shown = "".join(f"\n  {name}" for name in faults[:SHOWN])
        raise Refusal(f"{backup}: {len(faults)} files are absent or not what they were:{shown}\ntake another backup")
    if progress.items != manifest.objects:
        raise Refusal(f"{backup}: {LISTING} has {progress.items} objects, and the manifest says {manifest.objects}")


def _restore(stage: Stage, backup: Place, manifest: Manifest, wish: Wish) -> None:
    address, bucket = stage.reached.address("postgres"), bucket_of(stage.reached)
    require_room(stage.reached, stage.mode, manifest, wish)
    _put_objects(backup, bucket)
    asyncio.run(_fill(stage, backup, manifest))
    others = _others(backup, bucket)
    asyncio.run(swap(address))
    note("  the restored database is in use")
    stage.forget_redis()
    stage.start()
    bucket.delete(iter(others))
    asyncio.run(forget_replaced(address))
    note(f"{stage.instance.name}: restored {sum(manifest.rows.values())} rows and {manifest.objects} objects")
    for key in manifest.damaged[:SHOWN]:
        note(f"warning: lost before the backup was made: {key}")


def _ask_early(instance: Instance, mode: str, manifest: Manifest, wish: Wish) -> Wish:
    """What can be refused is refused while the services still run; an instance that is down is asked when it is up."""
    if not instance.env_file.exists():
        raise Refusal(f"{instance.name} is not set up yet: run ./scripts/setup.sh")
    reached = reach(instance, mode)
    address = reached.address("postgres")
    if not asyncio.run(answers(address)):
        return wish
    require_room(reached, mode, manifest, wish)
    return replace(wish, yes=True)


def require_room(instance: Instance, mode: str, manifest: Manifest, wish: Wish) -> None:
    """Let pass an instance that holds nothing, or may be replaced, and whose server can read the dump.

    Raises:
        Refusal: another one.
    """
    address = instance.address("postgres")
    major = asyncio.run(within(address, address.name, server_major))
    tools_of(instance, mode, major)
    if major < int(manifest.postgres_version.split(".")[0]):
        raise Refusal(
            f"the dump is of PostgreSQL {manifest.postgres_version}, and the server is {major}: use a newer one"
        )
    found = asyncio.run(within(address, address.name, content))
    if objects := sum(1 for _ in bucket_of(instance).contents()):
        found["objects"] = objects
    if found:
        _require_consent(instance, ", ".join(f"{name}: {number}" for name, number in found.items()), wish)


def _require_consent(instance: Instance, what: str, wish: Wish) -> None:
    if not wish.replace:
        raise Refusal(f"{instance.name} is not empty ({what}): --replace puts the backup in place of that, for ever")
    if wish.yes:
        return
    if not sys.stdin.isatty():
        raise Refusal(f"--replace deletes what {instance.name} holds ({what}): add --yes to confirm")
    if not input(f"Replace what {instance.name} holds ({what}) for ever? [y/N] ").lower().startswith("y"):
        raise Refusal("nothing was replaced")


def _put_objects(backup: Place, bucket: Bucket) -> None:
    progress = Progress("put and read back")
    work = partial(put_back, backup=backup, bucket=bucket, progress=progress)
    for _ in in_order(work, read_listing(backup), progress):
        pass
    note(f"  {progress}")


async def _fill(stage: Stage, backup: Place, manifest: Manifest) -> None:
    """Fill the fresh database, bring it up to date, compare it with the backup and put it in order."""
    address = stage.reached.address("postgres")
    fresh = Names(address.name).fresh
    await make_fresh(address)
    tools = tools_of(stage.reached, stage.mode, await within(address, fresh, server_major))
    await asyncio.to_thread(tools.restore, fresh, backup.read(DUMP))
    await within(address, fresh, partial(require_counts, manifest=manifest))
    await asyncio.to_thread(stage.migrate, fresh)
    needed = partial(require_objects, listing=read_listing(backup), damaged=set(manifest.damaged))
    count = await within(address, fresh, needed)
    await within(address, fresh, partial(put_in_order, is_copy=manifest.project != stage.instance.name))
    note(f"  the database is filled; the {count} objects that its rows name are there as they say")


def _others(backup: Place, bucket: Bucket) -> list[str]:
    """What else lies in the bucket, while nobody adds to it: it belongs to the database that was replaced."""
    kept = {one.key for one in read_listing(backup)}
    return [key for key in bucket.contents() if key not in kept]
