"""What a backup says of itself: read as it was written, and refused once it is anything else."""

import hashlib
import json
from pathlib import Path

import pytest

from backup_manifest import (
    DIGEST,
    DUMP,
    LISTING,
    MANIFEST,
    Listed,
    Manifest,
    is_key,
    line_of,
    read_listing,
    write_manifest,
)
from backup_manifest import read_manifest as read
from backup_places import File, Folder
from console import Refusal

SHA = hashlib.sha256(b"").hexdigest()


def manifest(**changes: object) -> Manifest:
    facts: dict[str, object] = {
        "format": 1,
        "project": "pro1",
        "created_at": "2026-01-02T03:04:05Z",
        "code_version": "0.1.0",
        "schema_revision": "0004",
        "postgres_version": "15.18",
        "rows": {"users": 1},
        "objects": 2,
        "object_bytes": 3,
        "damaged": [],
        "files": [File(DUMP, 1, SHA), File(LISTING, 2, SHA)],
    }
    return Manifest(**(facts | changes))  # type: ignore[arg-type]


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(Folder(tmp_path), manifest())
    assert read(Folder(tmp_path)) == manifest()
    assert (
        tmp_path / DIGEST
    ).read_text() == f"{hashlib.sha256((tmp_path / MANIFEST).read_bytes()).hexdigest()}  {MANIFEST}\n"
    assert read(Folder(tmp_path)).file(DUMP) == File(DUMP, 1, SHA)


def test_is_written_after_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    place = Folder(tmp_path)
    monkeypatch.setattr(Folder, "write", lambda _, name, chunks: written.append(name))
    write_manifest(place, manifest())
    assert written == [DIGEST, MANIFEST]


@pytest.mark.parametrize("name", [MANIFEST, DIGEST])
def test_without_one_there_is_no_complete_backup(tmp_path: Path, name: str) -> None:
    write_manifest(Folder(tmp_path), manifest())
    (tmp_path / name).unlink()
    with pytest.raises(Refusal, match="no complete backup"):
        read(Folder(tmp_path))


def test_a_folder_of_backups_names_them(tmp_path: Path) -> None:
    write_manifest(Folder(tmp_path / "20260102T030405Z"), manifest())
    (tmp_path / "20260102T030406Z").mkdir()
    with pytest.raises(Refusal, match=r"20260102T030405Z$"):
        read(Folder(tmp_path))


def test_one_changed_character_is_noticed(tmp_path: Path) -> None:
    write_manifest(Folder(tmp_path), manifest())
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace('"objects": 2', '"objects": 3'))
    with pytest.raises(Refusal, match="digest"):
        read(Folder(tmp_path))


@pytest.mark.parametrize(("change", "says"), [({"format": 2}, "format 2"), ({"surprise": 1}, "cannot be read")])
def test_what_others_have_written_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    write_manifest(Folder(tmp_path), manifest())
    text = json.dumps(json.loads((tmp_path / MANIFEST).read_text()) | change)
    (tmp_path / MANIFEST).write_text(text)
    (tmp_path / DIGEST).write_text(hashlib.sha256(text.encode()).hexdigest())
    with pytest.raises(Refusal, match=says):
        read(Folder(tmp_path))


def listing(folder: Path, *keys: str) -> Folder:
    (folder / LISTING).write_bytes(b"".join(line_of(Listed(key, 1, SHA)) for key in keys))
    return Folder(folder)


def test_the_listing_comes_back_in_its_order(tmp_path: Path) -> None:
    keys = [f"p/{number:05}" for number in range(30_000)]
    assert [one.key for one in read_listing(listing(tmp_path, *keys))] == keys


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a"), ("../x",), ("a/../../x",), ("/etc/x",), ("a//b",), ("a/.",)])
def test_a_listing_that_is_none_of_ours_is_refused(tmp_path: Path, keys: tuple[str, ...]) -> None:
    with pytest.raises(Refusal, match="damaged"):
        list(read_listing(listing(tmp_path, *keys)))


@pytest.mark.parametrize("line", ["[]", "{", '{"key": "a"}', f'{{"key": "a", "bytes": -1, "sha256": "{SHA}"}}'])
def test_a_line_that_is_none_of_ours_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / LISTING).write_text(line + "\n")
    with pytest.raises(Refusal, match="damaged"):
        list(read_listing(Folder(tmp_path)))


def test_keys_of_the_services_are_keys() -> None:
    assert is_key("01a21656-10e3/uploads/01a21656/x.y_z")
    assert is_key("avatars/a/b")
    assert not any(is_key(key) for key in ("", "a\n", "a b", "ä", ".", "..", "a/..", "x" * 513))
