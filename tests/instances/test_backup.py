"""The parts of a backup that need no server: what is kept, what the database is asked, what is said of damage."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import backup
from backup import Order, _judge, _parser, make_backup, remove_old
from backup_manifest import MANIFEST
from backup_objects import Damaged
from backup_places import Folder
from backup_references import REFERENCES
from backup_snapshot import BACKUP_LOCK
from console import Refusal
from instance import ROOT, Instance

SERVICES = ROOT / "backend-pro1"


def shelf(folder: Path, *complete: str, interrupted: tuple[str, ...] = ()) -> Folder:
    place = Folder(folder / "pro1")
    for name in (*complete, *interrupted):
        place.inside(name).write("database.dump", iter([b"1"]))
    for name in complete:
        place.inside(name).write(MANIFEST, iter([b"{}"]))
    return place


def stamp(day: int) -> str:
    return f"202601{day:02}T000000Z"


class TestKeep:
    def test_the_newest_stay(self, tmp_path: Path) -> None:
        place = shelf(tmp_path, *map(stamp, range(1, 6)))
        remove_old(place, 2)
        assert place.folders() == [stamp(4), stamp(5)]

    def test_interrupted_ones_count_for_nothing_and_go_when_older(self, tmp_path: Path) -> None:
        place = shelf(tmp_path, stamp(2), stamp(4), interrupted=(stamp(1), stamp(3), stamp(5)))
        remove_old(place, 1)
        assert place.folders() == [stamp(4), stamp(5)]

    def test_fewer_than_that_all_stay(self, tmp_path: Path) -> None:
        place = shelf(tmp_path, stamp(2), interrupted=(stamp(1),))
        remove_old(place, 2)
        assert place.folders() == [stamp(1), stamp(2)]

    def test_what_others_keep_there_stays(self, tmp_path: Path) -> None:
        place = shelf(tmp_path, "pictures", stamp(1), stamp(2))
        remove_old(place, 1)
        assert place.folders() == [stamp(2), "pictures"]

    @pytest.mark.parametrize("text", ["0", "-1", "x", ""])
    def test_must_be_a_number_of_backups(self, text: str) -> None:
        with pytest.raises(SystemExit):
            _parser().parse_args([f"--keep={text}"])


def order(tmp_path: Path, instance: Instance, *, accept_damage: bool = False) -> Order:
    return Order(instance, "local", Folder(tmp_path), None, accept_damage)


class TestFailure:
    def test_what_was_written_goes(self, tmp_path: Path, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(_: Order, place: Folder) -> None:
            place.write("objects/a", iter([b"1"]))
            raise Refusal("no")

        monkeypatch.setattr(backup, "_make", fail)
        with pytest.raises(Refusal, match="no"):
            make_backup(order(tmp_path / "to", instance))
        assert Folder(tmp_path / "to" / "test").folders() == []

    def test_damage_is_refused_by_name_or_accepted(
        self, tmp_path: Path, instance: Instance, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = [Damaged("p/a", "it is not in the object store")]
        with pytest.raises(Refusal, match="p/a: it is not in the object store"):
            _judge(order(tmp_path, instance), found)
        _judge(order(tmp_path, instance, accept_damage=True), found)
        assert "warning: 1 objects" in capsys.readouterr().err


def test_the_lock_is_the_one_that_the_services_ask_for() -> None:
    text = (SERVICES / "shared" / "removed_objects.py").read_text()
    found = re.search(r"^BACKUP_LOCK = ([\d_]+)$", text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) == BACKUP_LOCK


def test_every_table_that_the_sweep_of_orphans_asks_is_asked() -> None:
    text = (SERVICES / "data-service/app/repositories/references.py").read_text()
    swept = re.search(r'_REFERENCED = """(.*?)"""', text, re.DOTALL)
    assert swept is not None
    tables = set(re.findall(r"(?:FROM|JOIN) ([a-z]+_[a-z_]+)", swept[1])) - {"jsonb_array_elements"}
    columns = set(re.findall(r"\b([a-z]+_keys?)\b", swept[1]))
    assert tables == {
        "dataset_versions",
        "upload_parts",
        "query_results",
        "analysis_results",
        "model_versions",
        "analysis_tasks",
        "user_profiles",
    }
    assert all(re.search(rf"\b{name}\b", REFERENCES) for name in tables | columns)


def test_objects_that_rows_have_named_go_only_where_a_backup_is_asked_for() -> None:
    """Whoever calls the store's `remove` removes what no row has named yet, or has asked."""
    unnamed = {
        "shared/removed_objects.py",
        "shared/object_store/store.py",
        "shared/object_store/upload.py",
        "data-service/app/services/freed.py",
        # Each of these removes what it has just stored, whose row could not be committed.
        "data-service/app/services/contents.py",
        "data-service/app/services/incoming.py",
        "data-service/app/services/query_tasks.py",
        "data-service/app/services/upload_parts.py",
        "data-service/app/services/url_downloads.py",
        "ai-service/app/services/analysis_runs.py",
        "ai-service/app/services/job_runs.py",
        "ai-service/app/services/prediction_runs.py",
        "ai-service/app/services/train_runs.py",
    }
    calls = re.compile(r"\bself\.remove\b|\b_?(?:object_)?store\.remove\(")
    sources = [path for path in SERVICES.rglob("*.py") if not {"tests", "testing"} & set(path.parts)]
    found = {str(path.relative_to(SERVICES)) for path in sources if calls.search(path.read_text())}
    assert found - unnamed == set()


def test_the_manifest_names_code_and_schema(tmp_path: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", backup.constant_of(SERVICES / "shared" / "version.py"))
    assert re.fullmatch(r"\d{4}", backup.constant_of(SERVICES / "shared" / "schema_revision.py"))
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(Refusal):
        backup.constant_of(tmp_path / "empty.py")


def test_a_backup_of_the_same_second_is_not_written_over(
    tmp_path: Path, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "size", lambda *_: 1)
    monkeypatch.setattr(backup, "_make", cast("Any", SimpleNamespace()))
    with pytest.raises(Refusal, match="try again"):
        make_backup(order(tmp_path, instance))
