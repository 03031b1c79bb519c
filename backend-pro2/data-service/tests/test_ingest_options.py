"""What the uploader says about a delimited text is done, and what cannot be done is refused."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.compute.protocol import ComputeError

from ..app.engines.readers import column_types
from .reading import read_text, refusal


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_types_make_nulls_of_what_does_not_fit_and_tell_which(tmp_path: Path) -> None:
    table = read_text(tmp_path, 'a,b\n1,"x\ny"\nfoo,y\n3.0,z\n4.5,w\nNA,q\n007,r\n', types={"a": "integer"})
    assert table.column("a") == [1, None, 3, None, None, 7]
    assert table.report["rejected_cells"] == 2
    assert table.report["rejected_cells_by_column"] == {"a": 2}
    assert table.report["rejected_cell_samples"] == [
        {"line": 4, "column": "a", "text": "foo"},
        {"line": 6, "column": "a", "text": "4.5"},
    ]
    assert table.report["rejected_rows"] == 0


def test_samples_of_cells_are_bounded(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b\n" + f"{'x' * 300},1\n" * 50, types={"a": "number"})
    samples = table.report["rejected_cell_samples"]
    assert (table.report["rejected_cells"], len(samples)) == (50, 20)
    assert [len(sample["text"]) for sample in samples] == [200] * 20


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("string", ["1", "02"], ["1", "02"]),
        ("number", ["1", "2.5", "1e3", "x"], [1.0, 2.5, 1000.0, None]),
        ("boolean", ["yes", "0", "true", "maybe"], [True, False, True, None]),
        ("date", ["31.12.2020", "1.2.2020", "32.1.2020"], [date(2020, 12, 31), date(2020, 2, 1), None]),
        ("date", ["2020-01-31 00:00:00", "2020-01-31 10:00:00"], [date(2020, 1, 31), None]),
        (
            "datetime",
            ["2020-01-31", "2020-01-31T10:00", "x"],
            [_moment("2020-01-31"), _moment("2020-01-31T10:00"), None],
        ),
        ("json", ["[1]", "{bad"], ["[1]", None]),
    ],
)
def test_types(tmp_path: Path, kind: str, texts: list[str], values: list[Any]) -> None:
    table = read_text(tmp_path, "a;k\n" + "".join(f"{text};1\n" for text in texts), types={"a": kind})
    assert (table.types["a"], table.column("a")) == (kind, values)
    assert table.report["rejected_cells"] == (values.count(None))


def test_null_values_count_in_every_column_and_no_other_words_do(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b,c\n1,x,NA\n-,-,1\n3,y,2\n", null_values=["-"])
    assert table.rows == [(1, "x", "NA"), (None, None, "1"), (3, "y", "2")]
    assert table.notes == {}


def test_decimal_and_thousands(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a;b;c\n1'234,5;1.5;1'000\n2;2.5;7\n", decimal=",", thousands="'")
    assert table.rows == [(1234.5, "1.5", 1000), (2.0, "2.5", 7)]


def test_a_decimal_comma_is_not_mistaken_for_thousands(tmp_path: Path) -> None:
    content = 'a,b\n"1,234",1\n"5,678",2\n'
    assert read_text(tmp_path, content).column("a") == [1234, 5678]
    assert read_text(tmp_path, content, decimal=",").column("a") == [1.234, 5.678]


def test_formats_of_dates(tmp_path: Path) -> None:
    content = "a,b\n01/02/2020,20200131 10:15\n03/04/2020,20200201 11:15\n"
    table = read_text(tmp_path, content, date_format="%m/%d/%Y", datetime_format="%Y%m%d %H:%M")
    assert table.rows[0] == (date(2020, 1, 2), _moment("2020-01-31T10:15"))


def test_quote_delimiter_and_header(tmp_path: Path) -> None:
    table = read_text(tmp_path, "'x;1';1\n'it''s';2\n", quote="'", delimiter=";", header=False)
    assert table.rows == [("x;1", 1), ("it's", 2)]
    assert read_text(tmp_path, "1,2\n3,4\n", header=True).types == {"1": "integer", "2": "integer"}
    assert list(read_text(tmp_path, "a;b,c\n1;2,3\n", delimiter=",").types) == ["a;b", "c"]


def test_skip(tmp_path: Path) -> None:
    table = read_text(tmp_path, "x,y\n1,2\na,b\n3,4\n", skip=2)
    assert (list(table.types), table.rows, table.report["skipped_lines"]) == (["a", "b"], [(3, 4)], 2)


def test_encoding(tmp_path: Path) -> None:
    content = "a,b\nx,é\n".encode("cp1252")
    assert read_text(tmp_path, content, encoding="cp1252").rows == [("x", "é")]
    told = read_text(tmp_path, content, encoding="utf-8")
    assert (told.rows, told.report["replaced_characters"]) == ([("x", "\ufffd")], 1)


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"decimal": ",", "thousands": ","},
        {"types": {"zip": "string"}},
        {"date_format": "%Q"},
        {"date_format": "%Ù"},
        {"datetime_format": "%!"},
        {"null_values": ["a,b"]},
    ],
)
def test_what_cannot_apply_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ComputeError) as caught:
        read_text(tmp_path, "a,b\n1,2\n", **options)
    assert caught.value.code == "invalid_options"
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", '[{"a": "x"}]'), ("a.jsonl", '{"a": "x"}\n'), ("a.csv", "a\nx\n")]
)
def test_formats_that_cannot_be_are_refused_for_every_kind_of_file(name: str, content: str) -> None:
    for options in ({"date_format": "%Q"}, {"datetime_format": "%!"}, {"decimal": ",", "thousands": ","}):
        assert refusal(content, name, **options) == "invalid_options"


@pytest.mark.parametrize("text", ["", "NA"])
def test_columns_without_values_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    asked: list[column_types.Pair] = []
    really = column_types.count_fits

    def noted(*arguments: Any, **options: Any) -> list[tuple[int, int]]:
        asked.extend(arguments[2])
        return really(*arguments, **options)

    monkeypatch.setattr(column_types, "count_fits", noted)
    names = [f"c{number}" for number in range(300)]
    row = ",".join(["1", *[text] * 299])
    table = read_text(tmp_path, f"{','.join(names)}\n{row}\n{row}\n")
    assert table.rows == [(1, *[text or None] * 299)] * 2
    assert len(asked) <= 2 * len(names)
