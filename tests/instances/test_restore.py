"""What a restore refuses before it touches anything."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

import restore as module
from backup_manifest import DUMP, LISTING, Listed, Manifest, line_of, write_manifest
from backup_places import Folder
from console import Refusal
from instance import ROOT, Instance
from restore import Wish, _require_consent, check, restore
from restore_database import Names, _quoted

OBJECTS = {"p/a": b"first", "p/b": b"", "q/c": b"third" * 1000}
CHECK = Wish(check=True, replace=False, yes=False)


def made(folder: Path, **changes: Any) -> tuple[Folder, Manifest]:
    """A small complete backup."""
    place = Folder(folder / "backup")
    lines = [Listed(key, len(data), hashlib.sha256(data).hexdigest()) for key, data in OBJECTS.items()]
    for one in lines:
        place.write(one.name, iter([OBJECTS[one.key]]))
    files = [place.write(DUMP, iter([b"PGDMP" * 100])), place.write(LISTING, iter([line_of(one) for one in lines]))]
    facts: dict[str, Any] = {
        "format": 1,
        "project": "pro1",
        "created_at": "2026-01-02T03:04:05Z",
        "code_version": "0.1.0",
        "schema_revision": "0004",
        "postgres_version": "15.18",
        "rows": {"users": 1},
        "objects": len(lines),
        "object_bytes": sum(map(len, OBJECTS.values())),
        "damaged": [],
        "files": files,
    }
    manifest = Manifest(**(facts | changes))
    write_manifest(place, manifest)
    return place, manifest


@pytest.fixture
def target(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance that nobody may touch."""
    (instance.code / "shared" / "schema_revision.py").write_text('SCHEMA_REVISION = "0004"\n')
    for name in ("set_up", "answers", "bucket_of"):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("touched"))
    return instance


def test_a_whole_backup_passes_its_check(tmp_path: Path, target: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    place, _ = made(tmp_path)
    restore(target, "local", place, CHECK)
    assert "complete and whole" in capsys.readouterr().err


FILES = (DUMP, LISTING, "objects/p/a", "objects/p/b", "objects/q/c")
HARM = {(name, harm) for name in FILES for harm in ("changed", "cut", "longer", "absent", "link")}
EMPTY = {("objects/p/b", "changed"), ("objects/p/b", "cut")}


@pytest.mark.parametrize(("name", "harm"), sorted(HARM - EMPTY))
def test_every_file_is_compared(tmp_path: Path, target: Instance, name: str, harm: str) -> None:
    place, _ = made(tmp_path)
    path = place.path / name
    data = path.read_bytes()
    path.unlink()
    match harm:
        case "changed":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "cut":
            path.write_bytes(data[:-1])
        case "longer":
            path.write_bytes(data + b"\n")
        case "link":
            (tmp_path / "elsewhere").write_bytes(data)
            path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refusal, match="another backup"):
        restore(target, "local", place, CHECK)


def test_a_listing_of_other_length_is_noticed(tmp_path: Path) -> None:
    place, manifest = made(tmp_path, objects=4)
    with pytest.raises(Refusal, match="3 objects, and the manifest says 4"):
        check(place, manifest)


def test_the_schema_of_newer_code_is_refused(tmp_path: Path, target: Instance) -> None:
    place, _ = made(tmp_path, schema_revision="0005")
    with pytest.raises(Refusal, match="schema 0005 and the code of test knows 0004"):
        restore(target, "local", place, Wish(check=False, replace=True, yes=True))


class TestConsent:
    def test_what_is_there_is_kept_without_replace(self, instance: Instance) -> None:
        with pytest.raises(Refusal, match=r"not empty \(projects: 1\): --replace"):
            _require_consent(instance, "projects: 1", Wish(check=False, replace=False, yes=True))

    def test_off_a_terminal_it_takes_a_yes(self, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(Refusal, match="--yes"):
            _require_consent(instance, "projects: 1", Wish(check=False, replace=True, yes=False))
        _require_consent(instance, "projects: 1", Wish(check=False, replace=True, yes=True))

    @pytest.mark.parametrize(("said", "goes_on"), [("y", True), ("Yes", True), ("", False), ("n", False)])
    def test_on_a_terminal_it_asks(
        self, instance: Instance, monkeypatch: pytest.MonkeyPatch, said: str, *, goes_on: bool
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda _: said)
        wish = Wish(check=False, replace=True, yes=False)
        if goes_on:
            _require_consent(instance, "projects: 1", wish)
        else:
            with pytest.raises(Refusal, match="nothing was replaced"):
                _require_consent(instance, "projects: 1", wish)


def test_an_instance_without_settings_is_refused(tmp_path: Path) -> None:
    bare = Instance("bare", 81, ROOT / "backend-pro1", home=tmp_path)
    place, _ = made(tmp_path)
    with pytest.raises(Refusal, match=r"setup\.sh"):
        restore(bare, "local", place, Wish(check=False, replace=True, yes=True))


def test_databases_have_names_beside_the_one_in_use() -> None:
    assert (Names("a").fresh, Names("a").replaced) == ("a_restoring", "a_replaced")
    assert _quoted('a"b') == '"a""b"'
