"""Judging crossings, and the matrix that is made of them."""

from pathlib import Path

import pytest

import isolation_check
from console import Refusal
from instance import Instance
from isolation import (
    ALLOWED,
    NOT_APPLICABLE,
    REFUSED,
    UNPROVEN,
    Crossing,
    Knock,
    NotApplicable,
    Outcome,
    Row,
    Side,
    Undecided,
    credential,
    examine,
)
from isolation_guests import Guest
from isolation_report import as_json, as_table, is_isolated
from modes import DOCKER, LOCAL, remember_mode


def side(name: str) -> Side:
    return Side(Instance(name, 1, Path(f"backend-{name}")), LOCAL, Guest("x@example.org", "secret"))


def outcomes(crossing: Crossing) -> dict[tuple[str, str], Outcome]:
    (row,) = examine([crossing], [side("a"), side("b")])
    return row.outcomes


def at_home_only(who: Side, at: Side) -> str:
    return "opens" if who is at else ""


def everywhere(_: Side, __: Side) -> str:
    return "opens"


def nowhere(_: Side, __: Side) -> str:
    return ""


def raising(error: Exception) -> Knock:
    def knock(_: Side, __: Side) -> str:
        raise error

    return knock


class TestJudging:
    def test_a_door_that_opens_at_home_only_refuses(self) -> None:
        found = outcomes(credential("x", "y", at_home_only))
        assert found == {("a", "b"): Outcome(REFUSED), ("b", "a"): Outcome(REFUSED)}

    def test_a_door_that_opens_for_others_is_allowed_and_says_what_opened(self) -> None:
        assert set(outcomes(credential("x", "y", everywhere)).values()) == {Outcome(ALLOWED, "opens")}

    def test_one_way_can_be_open_and_the_other_shut(self) -> None:
        found = outcomes(Crossing("x", "y", lambda who, _: "opens" if who.name == "a" else ""))
        assert (found["a", "b"].state, found["b", "a"].state) == (ALLOWED, REFUSED)

    def test_a_door_that_is_shut_for_everybody_proves_nothing(self) -> None:
        found = outcomes(credential("x", "y", nowhere))
        assert found["a", "b"] == Outcome(UNPROVEN, "refused at a itself")

    def test_a_door_that_is_shut_at_the_other_end_only_proves_nothing_either(self) -> None:
        found = outcomes(credential("x", "y", lambda who, at: "opens" if who is at and at.name == "a" else ""))
        assert set(found.values()) == {Outcome(UNPROVEN, "refused at b itself")}

    def test_a_control_of_its_own_counts(self) -> None:
        assert set(outcomes(Crossing("x", "y", nowhere, everywhere)).values()) == {Outcome(REFUSED)}
        assert {one.state for one in outcomes(Crossing("x", "y", nowhere, nowhere)).values()} == {UNPROVEN}

    def test_silence_at_home_proves_nothing(self) -> None:
        found = outcomes(credential("x", "y", raising(Undecided("nobody answers"))))
        assert found["a", "b"] == Outcome(UNPROVEN, "a: nobody answers")

    def test_silence_on_the_way_proves_nothing_either(self) -> None:
        crossing = Crossing("x", "y", raising(Undecided("answers 503")))
        assert outcomes(crossing)["a", "b"] == Outcome(UNPROVEN, "answers 503")

    def test_what_does_not_apply_says_why(self) -> None:
        switched_off = raising(NotApplicable("it is switched off"))
        for crossing in (credential("x", "y", switched_off), Crossing("x", "y", switched_off)):
            assert outcomes(crossing)["a", "b"] == Outcome(NOT_APPLICABLE, "it is switched off")

    def test_every_ordered_pair_of_three_is_tried(self) -> None:
        (row,) = examine([Crossing("x", "y", nowhere)], [side(name) for name in "abc"])
        assert {f"{who}{at}" for who, at in row.outcomes} == {"ab", "ac", "ba", "bc", "ca", "cb"}


def row(area: str, name: str, *found: Outcome) -> Row:
    pairs = [("pro1", "pro2"), ("pro2", "pro1")]
    return Row(Crossing(area, name, nowhere), dict(zip(pairs, found, strict=True)))


ROWS = [
    row("tokens", "access token", Outcome(REFUSED), Outcome(REFUSED)),
    row("tokens", "forged", Outcome(ALLOWED, "answers 200"), Outcome(REFUSED)),
    row("network", "by name", Outcome(NOT_APPLICABLE, "shared host"), Outcome(NOT_APPLICABLE, "shared host")),
]


class TestReport:
    def test_the_table_has_a_row_for_each_crossing_and_a_note_for_each_reason(self) -> None:
        assert as_table(ROWS, LOCAL).splitlines() == [
            "  local mode      pro1 → pro2   pro2 → pro1",
            "tokens",
            "  access token    refused       refused",
            "  forged          ALLOWED (1)   refused",
            "network",
            "  by name         n/a (2)       n/a (2)",
            "",
            "  (1) ALLOWED: answers 200",
            "  (2) n/a: shared host",
            "",
            "6 crossings: 3 refused, 1 ALLOWED, 0 unproven, 2 not applicable",
        ]

    def test_json_has_the_promised_shape(self) -> None:
        found = as_json(ROWS[1:2], DOCKER)
        assert found["crossings"] == [
            {"area": "tokens", "crossing": "forged", "from": who, "to": at, "state": state, "note": text}
            for who, at, state, text in (
                ("pro1", "pro2", ALLOWED, "answers 200"),
                ("pro2", "pro1", REFUSED, ""),
            )
        ]
        assert found["counts"] == {REFUSED: 1, ALLOWED: 1, UNPROVEN: 0, NOT_APPLICABLE: 0}
        assert (found["mode"], found["isolated"]) == (DOCKER, False)

    @pytest.mark.parametrize(
        ("state", "isolated"), [(REFUSED, True), (NOT_APPLICABLE, True), (ALLOWED, False), (UNPROVEN, False)]
    )
    def test_what_is_allowed_or_unproven_is_no_isolation(self, state: str, isolated: bool) -> None:
        assert is_isolated([ROWS[0], row("x", "y", Outcome(REFUSED), Outcome(state))]) is isolated


class TestTheWhole:
    def test_every_crossing_has_a_name_of_its_own(self) -> None:
        names = [(crossing.area, crossing.name) for crossing in isolation_check.all_crossings()]
        assert len(names) == len(set(names)) > 30

    def test_instances_in_different_modes_are_not_compared(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        one, other = (Instance(name, 1, tmp_path / f"backend-{name}", tmp_path) for name in ("a", "b"))
        remember_mode(other, DOCKER)
        assert isolation_check.check([one, other], None, json_wanted=False) == 2
        assert "a in local mode, b in docker mode" in capsys.readouterr().err

    def test_one_that_does_not_run_ends_it_and_nobody_stays_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        left: list[str] = []

        def arrive(instance: Instance) -> Guest:
            if instance.name == "b":
                raise Refusal("b does not answer")
            return Guest("x@example.org", "secret")

        def leave(instance: Instance, _: Guest) -> bool:
            left.append(instance.name)
            return False

        monkeypatch.setattr(isolation_check, "arrive", arrive)
        monkeypatch.setattr(isolation_check, "leave", leave)
        one, other = (Instance(name, 1, tmp_path / f"backend-{name}", tmp_path) for name in ("a", "b"))
        assert isolation_check.check([one, other], LOCAL, json_wanted=False) == 2
        assert left == ["a"]
        said = capsys.readouterr().err
        assert "x@example.org could not be deleted" in said
        assert "b does not answer" in said
