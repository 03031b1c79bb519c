"""Objects on their way into a backup and back, with folders in place of buckets."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from minio.error import InvalidResponseError, S3Error
from urllib3.exceptions import ProtocolError

import backup_objects
from backup_manifest import Listed
from backup_objects import Damaged, Progress, Stopped, copy, in_order, put_back
from backup_places import File, Folder
from backup_references import Reference
from console import Refusal

SHA = hashlib.sha256(b"content").hexdigest()
LISTED = Listed("p/a", 7, SHA)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_objects, "PAUSE_SECONDS", 0)


class Store(Folder):
    """A folder that says what a bucket says of absent objects."""

    def read(self, name: str) -> Iterator[bytes]:
        if self.size(name) is None:
            raise S3Error(None, "NoSuchKey", None, None, None, None)  # type: ignore[arg-type]
        return super().read(name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.write("p/a", iter([b"cont", b"ent"]))
    return made


@pytest.fixture
def backup(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "backup")


def wanted(key: str = "p/a", **changes: Any) -> Reference:
    facts: dict[str, Any] = {"key": key, "bytes": 7, "sha256": SHA, "is_required": True}
    return Reference(**(facts | changes))


class TestCopy:
    @pytest.mark.parametrize("known", [{}, {"sha256": None}, {"bytes": None}, {"bytes": None, "sha256": None}])
    def test_takes_what_its_rows_describe(self, store: Store, backup: Folder, known: dict[str, Any]) -> None:
        assert copy(wanted(**known), store, backup, Progress("x")) == LISTED
        assert b"".join(backup.read("objects/p/a")) == b"content"

    @pytest.mark.parametrize("other", [{"bytes": 8}, {"sha256": "0" * 64}])
    def test_notices_what_they_do_not(self, store: Store, backup: Folder, other: dict[str, Any]) -> None:
        assert isinstance(copy(wanted(**other), store, backup, Progress("x")), Damaged)
        assert copy(wanted(**other, is_required=False), store, backup, Progress("x")) is None

    def test_what_is_lost_is_damage_unless_nobody_needs_it(self, store: Store, backup: Folder) -> None:
        lost = copy(wanted("p/lost"), store, backup, Progress("x"))
        assert lost == Damaged("p/lost", "it is not in the object store")
        assert copy(wanted("p/lost", is_required=False), store, backup, Progress("x")) is None

    def test_rclone_says_it_in_other_words(self, store: Store, backup: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = [(404, "<Error><Code>NoSuchKey</Code></Error>"), (404, ""), (403, "<Code>AccessDenied</Code>")]

        def refuse(_: Store, __: str) -> Iterator[bytes]:
            code, body = answers.pop(0)
            raise InvalidResponseError(code, "text/xml", body)
            yield b""

        monkeypatch.setattr(Store, "read", refuse)
        for _ in range(2):
            assert isinstance(copy(wanted(), store, backup, Progress("x")), Damaged)
        with pytest.raises(Refusal, match="AccessDenied"):
            copy(wanted(), store, backup, Progress("x"))

    def test_goes_on_after_a_cut_connection(
        self, store: Store, backup: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = iter([True, True, False])

        def cut(_: Store, __: str) -> Iterator[bytes]:
            yield b"con"
            if next(tries):
                raise ProtocolError("cut")
            yield b"tent"

        monkeypatch.setattr(Store, "read", cut)
        assert copy(wanted(), store, backup, Progress("x")) == LISTED

    def test_gives_up_after_some_tries(self, store: Store, backup: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        def cut(_: Store, __: str) -> Iterator[bytes]:
            raise ProtocolError("cut")
            yield b""

        monkeypatch.setattr(Store, "read", cut)
        with pytest.raises(Refusal, match="ProtocolError"):
            copy(wanted(), store, backup, Progress("x"))


class TestInOrder:
    def test_keeps_the_order_and_works_on_several(self) -> None:
        together = threading.Barrier(4, timeout=10)

        def work(number: int) -> int:
            if number < 4:
                together.wait()
            return number * 2

        progress = Progress("x")
        assert list(in_order(work, iter(range(500)), progress)) == [number * 2 for number in range(500)]
        assert progress.items == 500

    def test_takes_no_more_than_it_can_hold(self) -> None:
        taken: list[int] = []

        def items() -> Iterator[int]:
            for number in range(10_000):
                taken.append(number)
                yield number

        results = in_order(lambda number: number, items(), Progress("x"))
        assert next(results) == 0
        assert len(taken) <= backup_objects.AHEAD
        results.close()  # type: ignore[attr-defined]

    def test_the_first_failure_stops_the_others(self) -> None:
        progress, stopped, begun = Progress("x"), threading.Event(), threading.Event()

        def endless() -> Iterator[bytes]:
            while True:
                yield b"."

        def work(number: int) -> None:
            if number == 0:
                begun.wait(10)
                raise Refusal("no")
            begun.set()
            try:
                for _ in progress.over(endless()):
                    pass
            except Stopped:
                stopped.set()
                raise

        with pytest.raises(Refusal, match="no"):
            list(in_order(work, iter([0, 1]), progress))
        assert stopped.is_set()


class TestPutBack:
    def test_puts_and_reads_back(self, store: Store, backup: Folder, tmp_path: Path) -> None:
        copy(wanted(), store, backup, Progress("x"))
        target = Folder(tmp_path / "target")
        put_back(LISTED, backup, target, Progress("x"))
        assert b"".join(target.read("p/a")) == b"content"

    def test_leaves_what_is_there_already(self, store: Store, backup: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Store, "write", lambda *_: pytest.fail("written"))
        put_back(LISTED, backup, store, Progress("x"))

    def test_replaces_what_is_not_the_same(self, store: Store, backup: Folder, tmp_path: Path) -> None:
        copy(wanted(), store, backup, Progress("x"))
        target = Folder(tmp_path / "target")
        target.write("p/a", iter([b"c0ntent"]))
        put_back(LISTED, backup, target, Progress("x"))
        assert b"".join(target.read("p/a")) == b"content"

    def test_a_backup_that_changes_meanwhile_is_noticed(self, backup: Folder, tmp_path: Path) -> None:
        backup.write("objects/p/a", iter([b"c0ntent"]))
        with pytest.raises(Refusal, match="has changed"):
            put_back(LISTED, backup, Folder(tmp_path / "target"), Progress("x"))

    def test_a_store_that_does_not_keep_it_is_noticed(
        self, store: Store, backup: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy(wanted(), store, backup, Progress("x"))

        def swallow(_: Folder, name: str, chunks: Iterator[bytes]) -> File:
            return File(name, sum(len(chunk) for chunk in chunks), SHA)

        monkeypatch.setattr(Folder, "write", swallow)
        with pytest.raises(Refusal, match="does not give back"):
            put_back(LISTED, backup, Folder(tmp_path / "target"), Progress("x"))
