"""JSON and JSON Lines: every digit is kept, every bad record reported, and no text brings the reader down."""

# ruff: noqa: DTZ001 - a dataset's moments have no zone

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from ..app.engines.readers import json_records
from .reading import read_file, refusal

DEEP = "[" * 100_000 + "]" * 100_000


def _lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_types() -> None:
    table = read_file(
        _lines(
            {"i": 9007199254740993, "n": 1, "b": True, "d": "2024-01-31", "t": "2024-01-31T10:00:00+02:00", "s": "x"},
            {"i": -1, "n": 1.5, "b": None, "d": "2024-02-01", "t": "2024-01-31T10:00:00Z", "extra": [1, {"x": None}]},
        )
    )
    assert list(table.types.values()) == ["integer", "number", "boolean", "date", "datetime", "string", "json"]
    assert table.rows[0][:4] == (9007199254740993, 1.0, True, dt.date(2024, 1, 31))
    assert table.column("t") == [dt.datetime(2024, 1, 31, 8), dt.datetime(2024, 1, 31, 10)]
    assert table.column("s") == ["x", None]


@pytest.mark.parametrize("value", [1, 1.5, True, "x", "2024-01-31", [1], {"b": 1}, {"b": [{}]}])
@pytest.mark.parametrize("empty", [1, 50, 3000])
def test_members_that_are_seldom_there(value: object, empty: int) -> None:
    plain = read_file(_lines({"a": value}, {"a": value}))
    table = read_file(_lines({"a": value}, *[{}] * empty, {"a": value}))
    assert table.column("a")[1:-1] == [None] * empty
    assert table.types == plain.types
    # Of nested values in few records DuckDB finds no type, so that they stay as they were written.
    nested = isinstance(value, dict | list) and empty > 1
    assert table.column("a")[0] == (json.dumps(value, separators=(",", ":")) if nested else plain.column("a")[0])


def test_nested_values_stay_nested() -> None:
    table = read_file(_lines({"a": {"b": [1, 2]}}, {"a": {"b": [], "c": "x"}}, {"a": None}))
    assert table.types == {"a": "json"}
    assert table.column("a") == [{"b": [1, 2], "c": None}, {"b": [], "c": "x"}, None]


@pytest.mark.parametrize(
    ("values", "type_", "read"),
    [
        ("9223372036854775807 -9223372036854775808", "integer", [2**63 - 1, -(2**63)]),
        ("18446744073709551615 1", "number", [Decimal(2**64 - 1), Decimal(1)]),
        ("123456789012345678901234567890 1", "number", [Decimal(123456789012345678901234567890), Decimal(1)]),
        ("1e20 1", "number", [1e20, 1.0]),
        ("1e308 5e-324", "number", [1e308, 5e-324]),
        ("9007199254740993 1.5", "string", ["9007199254740993", "1.5"]),
        ('1 "x"', "string", ["1", "x"]),
        ('true "x"', "string", ["true", "x"]),
        ('1 {"x":12345678901234567890123}', "json", ["1", '{"x":12345678901234567890123}']),
        ('{"x":18446744073709551615} {"x":1}', "json", ['{"x":18446744073709551615}', '{"x":1}']),
        ('"2024-01-31" "x"', "string", ["2024-01-31", "x"]),
        ('"2024-02-30" "2024-02-01"', "string", ["2024-02-30", "2024-02-01"]),
        ('"2024-01-31T10:00:00" "2024-01-31T10:00:00Z"', "string", ["2024-01-31T10:00:00", "2024-01-31T10:00:00Z"]),
        ('"007" "8"', "string", ["007", "8"]),
        ("null null", "string", [None, None]),
    ],
)
def test_no_digit_is_lost(values: str, type_: str, read: list[Any]) -> None:
    table = read_file("".join(f'{{"a":{value}}}\n' for value in values.split()))
    assert (table.types["a"], table.column("a")) == (type_, read)


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1},{"a":2}]',
        '\ufeff [\n {"a": 1},\r\n {"a"\n: 2}\n]\n',
        '{"count":2,"data":[{"a":1},{"a":2}],"next":null}',
        '{"data":[{"a":1},{"a":2}]}',
        '{"a":[1,2]}',
        '{"a":{"0":1,"1":2}}',
        '{"a":1}{"a":2}',
        '{\n"a":1}\n\n{\n"a":2}',
    ],
)
def test_shapes(text: str) -> None:
    assert read_file(text, "x.json").rows == [(1,), (2,)]


def test_one_object_is_one_row() -> None:
    assert read_file('{"a": 1, "b": {"c": 2}}').rows == [(1, {"c": 2})]


def test_records_inside_an_object_larger_than_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_RECORD_BYTES", 1_000_000)
    records = ",".join(f'{{"a":"{"x" * 1000}","n":{n}}}' for n in range(3000))
    table = read_file(f'{{"note":"n","data":[{records}],"more":{{"b":[1]}}}}')
    assert (len(table.rows), table.rows[-1][1]) == (3000, 2999)
    assert (table.report["records_in"], table.report["passed_over"]) == ("data", ["note", "more"])


def test_bad_lines_are_counted_and_shown() -> None:
    good = '{"a":1}\n'
    bad = ['{"a":', '{"a":NaN}', "[1]", '{"a":6,"a":6}', '{"a":{"b":1,"b":1}}', r'{"a":"\ud800"}', f'{{"a":{DEEP}}}']
    report = read_file(good * 9 + "\n".join(bad) + "\n\n" + good, "x.jsonl").report
    assert report["rejected_rows"] == 7
    assert report["rejected_reasons"] == {
        "not valid JSON": 1,
        "NaN or Infinity": 1,
        "not an object": 1,
        "a member twice": 2,
        "half a character": 1,
        "nested too deep": 1,
    }
    first = report["rejected_samples"][0]
    assert (first["line"], first["text"]) == (10, '{"a":')
    assert all(len(sample["text"]) <= 200 for sample in report["rejected_samples"])


def test_a_member_twice_behind_an_escaped_colon() -> None:
    report = read_file('{"a":1}\n{"a":1}\n{"a":"\\u003a","a":"\\u003A"}\n').report
    assert report["rejected_reasons"] == {"a member twice": 1}


def test_a_line_that_is_too_long() -> None:
    report = read_file('{"a":1}\n{"a":' + "1" * 17_000_000 + '}\n{"a":2}\n').report
    assert [(sample["line"], sample["text"]) for sample in report["rejected_samples"]] == [(2, "")]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1},{"a":2]',
        '[{"a":1},{"a":2}',
        '[{"a":1}]x',
        '[{"a":1},]',
        "[1,2]",
        '[{"a":NaN}]',
        '[{"a":-Infinity}]',
        '[{"a":1e999}]',
        '[{"a":1,"a":2}]',
        r'[{"a":"\udc00"}]',
        '[{"a":"\v"}]',
        f'[{{"a":{DEEP}}}]',
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '[{"a":' + "[" * 70 + "]" * 70 + "}]",
        '[{"a":' + "9" * 10_000 + "}]",
        '[{"a":' + "9" * 20_000_000 + "}]",
        '[{"a":"' + "x" * 20_000_000,
        '{"a":[{"x":1}],"b":[{"x":1}]}',
    ],
    ids=range(18),
)
def test_bad_documents(text: str) -> None:
    assert refusal(text, "x.json") == "invalid_json"


@pytest.mark.parametrize("levels", [65, 255, 960, 980, 985, 990, 995, 1025])
def test_every_depth_is_refused_in_words(levels: int) -> None:
    nested = "[" * levels + "]" * levels
    assert refusal(f'{{"a":{nested}}}', "x.json") == "invalid_json"
    assert refusal(f'[{{"a":{nested}}}]', "x.json") == "invalid_json"
    assert refusal(f'{{"a":{nested}}}\n', "x.jsonl") == "invalid_json"


def test_the_deepest() -> None:
    nested = "[" * 63 + "]" * 63
    for text in (f'[{{"a":{nested}}}]', f'{{"a":{nested}}}\n', f'{{"d":[{{"a":{nested}}}]}}'):
        assert len(read_file(text).rows) == 1


def test_bad_encodings() -> None:
    assert refusal(b'[{"a":"\xff"}]') == "invalid_json"
    assert refusal(b'{"a":"\xff"}\n{"a":"\xfe"}\n{"a":"x"}\n') == "invalid_json"


def test_mostly_bad_lines_are_no_table() -> None:
    assert refusal("{\n{\n" + '{"a":1}\n', "x.jsonl") == "invalid_json"


def test_nothing_in_it() -> None:
    assert refusal("[]", "x.json") == "no_rows"
    assert refusal("[{},{}]") == "not_tabular"


def test_too_many_columns() -> None:
    assert refusal("".join(f'{{"c{n}":1}}\n' for n in range(20)), max_columns=10) == "too_many_columns"


def test_names() -> None:
    table = read_file('{" a":1,"A":2,"":3,"it\'s \\"x\\"":12345678901234567890}\n' * 2)
    assert list(table.types) == ["a", "A_2", "column_3", 'it\'s "x"']
    assert table.rows[0] == (1, 2, 3, Decimal(12345678901234567890))
    assert [entry["position"] for entry in table.report["renamed"]] == [2, 3]


def test_types_that_the_uploader_insists_on() -> None:
    text = _lines({"a": "1", "b": "31.01.2024", "c": 5}, {"a": "q", "b": "-", "c": "NA"}, {"a": " 3 ", "b": None})
    table = read_file(text, types={"a": "integer"}, null_values=["-", "NA"], date_format="%d.%m.%Y")
    assert table.rows == [(1, dt.date(2024, 1, 31), 5), (None, None, None), (3, None, None)]
    assert table.types == {"a": "integer", "b": "date", "c": "integer"}
    assert table.report["rejected_cells_by_column"] == {"a": 1}
    assert table.report["rejected_cell_samples"] == [{"line": 2, "column": "a", "text": "q"}]


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("integer", [1, None, 3, None]),
        ("number", [1.0, 2.5, 3.0, None]),
        ("string", ["1", "2.5", "3.0", "x"]),
        ("boolean", [True, None, None, None]),
        ("date", [None, None, None, None]),
        ("json", ["1", "2.5", "3.0", None]),
    ],
)
def test_every_type_can_be_insisted_on(kind: str, read: list[Any]) -> None:
    table = read_file('{"a":1}\n{"a":2.5}\n{"a":"3.0"}\n{"a":"x"}\n', types={"a": kind})
    assert (table.types, table.column("a")) == ({"a": kind}, read)
    assert table.report["rejected_cells"] == read.count(None)


def test_a_format_is_text_and_nothing_else() -> None:
    table = read_file('{"a\'":"31.01.2024"}\n', date_format="%d' || x || '{0}%m")
    assert table.rows == [("31.01.2024",)]
    assert refusal('{"a":1}\n', types={"b": "string"}) == "column_not_found"
