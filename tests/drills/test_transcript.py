"""A drill ends with 1 as soon as one promise did not hold, and tells what was found instead."""

import io

import pytest

import drill
from drill_transcript import DrillError, Transcript


@pytest.fixture
def said() -> Transcript:
    return Transcript(io.StringIO())


def text(said: Transcript) -> str:
    assert isinstance(said.out, io.StringIO)
    return said.out.getvalue()


def test_all_promises_held(said: Transcript) -> None:
    with said.step("Something"):
        said.promise("nothing is lost", {})
        said.promise("all is there", found=True)
    said.figure("seconds", "3")
    assert said.end("backup") == 0
    assert "backup: 2 of 2 promises held" in text(said)
    assert list(said.seconds) == ["Something"]


@pytest.mark.parametrize("found", [False, ["one"], {"id": "404"}, "an upload was refused"])
def test_one_broken_promise_is_told_and_fails(said: Transcript, found: bool | str | dict[str, object]) -> None:
    said.promise("all is there", [])
    assert not said.promise("nothing is lost", found)
    assert said.end("backup") == 1
    assert said.broken == ["nothing is lost"]
    assert isinstance(found, bool) or str(next(iter(found))) in text(said)


def test_a_promise_broken_once_stays_broken(said: Transcript) -> None:
    said.promise("nothing is lost", ["one"])
    said.promise("nothing is lost", [])
    assert said.end("disk") == 1


def test_a_drill_that_promised_nothing_fails(said: Transcript) -> None:
    assert said.end("keys") == 1


def test_a_drill_that_cannot_be_finished_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(said: Transcript, _: object) -> None:
        said.promise("something held before", found=True)
        raise DrillError("the instance does not start")

    monkeypatch.setitem(drill.KINDS, "keys", fail)
    assert drill.main(["keys", "--number", "94"]) == 1
    assert "BROKEN the drill comes to its end: the instance does not start" in capsys.readouterr().out
