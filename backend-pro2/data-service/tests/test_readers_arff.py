"""ARFF: real files of OpenML, quoting, sparse rows, dates, and headers that are none."""

# ruff: noqa: DTZ001 - a dataset's moments have no zone

import datetime as dt
from pathlib import Path

import pytest
import sklearn

from .reading import read_file, refusal

OPENML = Path(sklearn.__file__).parent / "datasets/tests/data/openml"
HEADER = "% note\n@RELATION 'x y'\n@attribute a numeric\n@ATTRIBUTE 'b c' {x,'y z',\"it's\"}\n@data\n"


def test_titanic() -> None:
    table = read_file(next((OPENML / "id_40945").glob("*.arff.gz")), "titanic.arff.gz")
    assert (len(table.rows), len(table.types), table.report["packed_as"]) == (1309, 14, "gzip")
    assert sum(table.column("survived")) == 500
    missing = {name: table.column(name).count(None) for name in ("age", "cabin", "fare", "embarked")}
    assert missing == {"age": 263, "cabin": 1014, "fare": 1, "embarked": 2}
    assert table.types["age"] == "number"
    assert table.column("name")[13] == "Barber, Miss. Ellen 'Nellie'"


def test_penguins() -> None:
    table = read_file(next((OPENML / "id_42585").glob("*.arff.gz")))
    assert (len(table.rows), len(table.types)) == (344, 7)
    assert sorted(set(table.column("species"))) == ["Adelie", "Chinstrap", "Gentoo"]


def test_quoting() -> None:
    table = read_file(HEADER + "1,'y z'\n% between\n2.5,\"it\\'s\"\n ? , x\n\n3, '?'\n")
    assert table.rows == [(1.0, "y z"), (2.5, "it's"), (None, "x"), (3.0, "?")]
    assert table.types == {"a": "number", "b c": "string"}


def test_sparse_rows() -> None:
    table = read_file(HEADER + "{0 1, 1 'y z'}\n{}\n{1 \"it's\"}\n{0 ?}\n")
    assert table.rows == [(1, "y z"), (0, "x"), (0, "it's"), (None, "x")]


def test_numbers_are_integers_only_if_all_are_whole() -> None:
    text = "@relation r\n@attribute a numeric\n@attribute b real\n@attribute c integer\n@attribute d {0,1}\n@data\n"
    assert list(read_file(text + "1,1,1,0\n2,2,2,1\n").types.values()) == ["integer", "number", "integer", "integer"]
    table = read_file(text + "1,1e308,9223372036854775807,?\n2.5,5e-324,x,1\n")
    assert table.rows == [(1.0, 1e308, 2**63 - 1, None), (2.5, 5e-324, None, 1)]
    assert table.report["rejected_cells_by_column"] == {"c": 1}


def test_dates() -> None:
    text = "@relation r\n@attribute a date\n@attribute b date 'dd.MM.yyyy'\n@attribute c date \"yyyy'T'MM\"\n@data\n"
    table = read_file(text + "2024-01-31T10:00:00,31.01.2024,2024T02\nbad,?,?\n")
    assert table.rows == [(dt.datetime(2024, 1, 31, 10), dt.date(2024, 1, 31), dt.date(2024, 2, 1)), (None, None, None)]
    assert table.report["rejected_cells_by_column"] == {"a": 1}


@pytest.mark.parametrize(("letters", "offset"), [("XXX", "+02:00"), ("XX", "+0200"), ("Z", "+0200")])
def test_offsets(letters: str, offset: str) -> None:
    text = f"@relation r\n@attribute a date \"yyyy-MM-dd'T'HH:mm:ss{letters}\"\n@data\n2024-01-31T10:00:00{offset}\n"
    assert read_file(text).rows == [(dt.datetime(2024, 1, 31, 8),)]


def test_rows_that_do_not_fit_are_reported() -> None:
    report = read_file(HEADER + "1,x\n1\n1,x,2\n1,'x\n{7 1}\n2,x\n").report
    assert report["rejected_reasons"] == {
        "too few values": 1,
        "too many values": 1,
        "quotation marks or a sparse row cannot be read": 2,
    }
    assert report["rejected_samples"][0] == {"line": 7, "reason": "too few values", "text": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "@relation x\n@data\n1\n",
        "@relation x\n@attribute a numeric\n",
        "@relation x\n@attribute a\n@data\n1\n",
        "@relation x\n@attribute a complex\n@data\n1\n",
        "@relation x\n@attribute a relational\n@attribute b numeric\n@end a\n@data\n1\n",
        "@relation x\n@attribute a date 'QQ'\n@data\n1\n",
        "@relation x\n@attribute a date 'yy-yy'\n@data\n1\n",
        "@relation x\n@attribute a date 'HH:MM M'\n@data\n1\n",
        "@relation x\nhello\n@data\n1\n",
        "@relation x\n@attribute a {'x}\n@data\n1\n",
        HEADER + "1\n",
        HEADER + "1," + "x" * 5_000_000,
    ],
    ids=range(12),
)
def test_no_arff(text: str) -> None:
    assert refusal(text, "x.arff") == "invalid_arff"


def test_nothing_in_it() -> None:
    assert refusal(HEADER, "x.arff") == "no_rows"


def test_quotes_do_not_cost_time() -> None:
    text = HEADER + "1," + " " * 1_000_000 + "'x\n" + "1,'" + "\\" * 1_000_001 + "\n1,x\n2,x\n3,x\n"
    assert read_file(text, "x.arff").report["rejected_rows"] == 2
