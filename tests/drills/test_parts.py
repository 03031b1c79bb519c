"""Parts of drills: accounts and where they differ, settings, figures, files that are sent, disks."""

from pathlib import Path
from typing import Any

import pytest

import drill_mounts
from drill_figures import Figures
from drill_filling import Filling, bulky
from drill_person import Answer, Person
from drill_stage import Stage, write_settings
from drill_transcript import DrillError
from drill_work import differences, table

PROBLEM = {"content-type": "application/problem+json"}
METRICS = """# HELP disk_free_bytes Free.
disk_free_bytes{place="cache"} 5.0
disk_free_bytes{place="scratch"} 7.0
object_store_requests_total{operation="put",outcome="unavailable"} 2.0
object_store_requests_total{operation="put",outcome="ok"} 9.0
log_lines_dropped_total 3.0
"""


def test_differences_name_their_place() -> None:
    before = {"ada": {"datasets": {"1": "x", "2": "y"}}, "grace": {}}
    after = {"ada": {"datasets": {"1": "x", "2": "z"}}, "grace": {"models": ["m"]}}
    assert differences(before, before) == []
    assert differences(before, after) == ["/ada/datasets/2: y became z", "/grace/models: None became ['m']"]


def test_no_two_tables_are_the_same() -> None:
    assert table(1) != table(2)
    assert table(1) == table(1)
    assert table(1, 10).count(b"\n") == 11


def test_a_bulky_file_has_the_size_that_was_asked_for() -> None:
    assert 0.9 * 500_000 < len(bulky(1, 500_000)) < 1.1 * 500_000


def test_settings_are_replaced_also_those_that_are_only_mentioned(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\n#B=2\nAB=3\n")
    file.chmod(0o600)
    write_settings(file, {"A": "new", "B": r"\1", "C": "more"})
    assert file.read_text() == "A=new\nB=\\1\nAB=3\nC=more\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_figures_are_summed_by_their_labels() -> None:
    figures = Figures(METRICS)
    assert figures.total("disk_free_bytes") == 12
    assert figures.total("disk_free_bytes", "cache") == 5
    assert figures.total("object_store_requests_total", "unavailable|refused") == 2
    assert figures.total("log_lines_dropped_total") == 3
    assert figures.total("no_such_total") == 0


class Store(Person):
    """A gateway that keeps what it is given, until it is full."""

    def __init__(self, room: int, *, forgets: bool = False) -> None:
        super().__init__("http://127.0.0.1:1")
        self._room, self._forgets = room, forgets
        self._files: dict[str, bytes] = {}

    def upload(self, content: bytes, wait: int = 60) -> Answer:
        if len(self._files) == self._room:
            return Answer(503, b'{"code": "unavailable"}', PROBLEM)
        self._files[str(len(self._files))] = b"" if self._forgets else content
        return Answer(201, f'{{"id": "{len(self._files) - 1}", "status": "ready"}}'.encode())

    def send(self, method: str, path: str, **options: Any) -> Answer:
        return Answer(200, self._files[path.split("/")[2]])


def test_filling_ends_when_nothing_is_taken_any_more() -> None:
    filling = Filling(Store(3))
    filling.until_refused(1000, 60)
    assert filling.words == {"201 ready": 3, "503 unavailable": 6}
    assert len(filling.kept) == 3
    assert filling.lost() == {}


def test_what_was_acknowledged_and_is_not_there_is_lost() -> None:
    filling = Filling(Store(2, forgets=True))
    filling.until_refused(1000, 60)
    assert len(filling.lost()) == 2


def test_small_disks_are_refused_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DrillError, match="run it as root"):
        drill_mounts.require_mounts()


def test_only_small_disks_of_the_drill_are_taken_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts, gone = tmp_path / "mounts", list[tuple[object, ...]]()
    ours, others = tmp_path / "run", tmp_path / "other"
    mounts.write_text(
        f"drill {ours}/objects tmpfs rw 0 0\ntmpfs {ours}/mine tmpfs rw 0 0\ndrill {others}/objects tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(drill_mounts, "MOUNTS", mounts)
    monkeypatch.setattr(drill_mounts, "run", lambda *command: gone.append(command))
    drill_mounts.unmount_below(ours)
    assert gone == [("umount", "--lazy", f"{ours}/objects")]


def test_the_instance_of_a_drill_is_none_of_the_checkout() -> None:
    assert Stage("drill-keys", 94).run.parent.name == ".run"
