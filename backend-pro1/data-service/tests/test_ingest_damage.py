"""Damaged and hostile texts end quickly; what is left out is counted, and nothing else is lost with it."""

from pathlib import Path
from time import process_time

import pytest

from shared.compute.protocol import ComputeError

from .reading import Table, read_text

QUOTES = "a quotation mark is not closed or stands inside a value"


def _rejected(table: Table) -> list[tuple[int, str]]:
    assert table.report["rejected_rows"] == len(table.report["rejected_samples"])
    return [(sample["line"], sample["text"]) for sample in table.report["rejected_samples"]]


@pytest.mark.parametrize(
    ("content", "rows", "rejected"),
    [
        ('a,b\n1,2\n3,"x"y\n5,6\n', [(1, 2), (5, 6)], [(3, '3,"x"y')]),
        ('a,b\n1,2\n3,"xy\n5,6\n7,8\n', [(1, 2), (5, 6), (7, 8)], [(3, '3,"xy')]),
        ('a,b\n1,2\n5,6\n7,"8', [(1, 2), (5, 6)], [(4, '7,"8')]),
        ('a,b\n1,2\n3,"xy\n5,"6"\n7,8\n', [(1, 2), (5, 6), (7, 8)], [(3, '3,"xy')]),
        ('a,b\n"never,1\nfoo,2\nbar,3\n', [("foo", 2), ("bar", 3)], [(2, '"never,1')]),
        (
            'a,b\n3,"x""y\n5,"z\nu"\n7,8\n11,"12\n13,14\n',
            [(5, "z\nu"), (7, "8"), (13, "14")],
            [(2, '3,"x""y'), (6, '11,"12')],
        ),
    ],
)
def test_a_broken_quote_costs_its_own_line_only(
    tmp_path: Path, content: str, rows: list[tuple[object, ...]], rejected: list[tuple[int, str]]
) -> None:
    table = read_text(tmp_path, content)
    assert (table.rows, _rejected(table)) == (rows, rejected)
    assert set(table.report["rejected_reasons"]) == {QUOTES}


def test_a_quote_that_is_not_closed_swallows_no_megabytes(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b\n" + "1,2\n" * 300 + '3,"xy\n' + "55555555,6\n" * 450_000)
    assert (len(table.rows), _rejected(table)) == (450_300, [(302, '3,"xy')])


def test_a_quote_in_the_first_line_that_is_not_closed(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="quotation mark in line 1 is not closed"):
        read_text(tmp_path, 'a,"b\n1,2\n3,4\n')


def test_too_many_broken_quotes_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match=r"fit its first ones|quotation marks are broken") as caught:
        read_text(tmp_path, "a,b\n1,2\n" + '3,"x"y"\n"' * 40)
    assert caught.value.code == "not_tabular"


def test_lines_are_counted_as_they_stand(tmp_path: Path) -> None:
    table = read_text(tmp_path, 'a,b\n\n1,"two\nlines"\n\n\n2\n3,4\n5,6\n')
    assert _rejected(table) == [(7, "2")]


def test_ragged_lines(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b,c\n1,2\n1,2,3,4\n1,2,3\n4,5,6\n7,8,9\n")
    assert _rejected(table) == [(2, "1,2"), (3, "1,2,3,4")]


@pytest.mark.parametrize(
    "lines",
    [
        ",".join("1" * 100_000) + "\n",
        (",".join("1" * 1000) + "\n") * 60,
        (",".join("1" * 20) + "\n") * 5000,
    ],
)
def test_lines_of_far_too_many_values_end_quickly(tmp_path: Path, lines: str) -> None:
    content = "a,b\n" + "1,2\n" * 6000 + lines + "3,4\n"
    started = process_time()
    table = read_text(tmp_path, content)
    assert process_time() - started < 10
    assert (len(table.rows), table.report["rejected_rows"]) == (6001, lines.count("\n"))
    assert table.report["rejected_reasons"] == {"too many values": lines.count("\n")}


def test_quoted_delimiters_are_not_too_many_values(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b\n" + f'"{"," * 500}",2\n' * 200)
    assert (len(table.rows), table.report["rejected_rows"]) == (200, 0)


@pytest.mark.parametrize("content", [",".join(f"c{i}" for i in range(1_000_000)) + "\n1\n", "," * 1_000_000])
def test_a_million_columns_are_refused_quickly(tmp_path: Path, content: str) -> None:
    started = process_time()
    with pytest.raises(ComputeError) as caught:
        read_text(tmp_path, content)
    assert caught.value.code == "too_many_columns"
    assert process_time() - started < 10


def test_long_lines(tmp_path: Path) -> None:
    table = read_text(tmp_path, f"a,b\n1,2\n{'x' * 3_000_000},1\n{'y' * 5_000_000},1\n3,4\n")
    assert [len(text) for text in table.column("a")] == [1, 3_000_000, 1]
    assert table.report["rejected_reasons"] == {"the line is too long": 1}


def test_single_bytes_of_another_encoding(tmp_path: Path) -> None:
    content = "naïve;größe\nä;1\nö;2\n".encode() + b"caf\xe9;3\n"
    table = read_text(tmp_path, content)
    assert (list(table.types), table.rows[-1]) == (["naïve", "größe"], ("café", 3))
    assert (table.report["encoding"], table.report["encoding_certain"]) == ("utf-8", False)
    assert table.report["replaced_characters"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + "a,ü\n1,é\n".encode(),
        "\ufeffa,ü\n1,é\n".encode("utf-16-le"),
        "\ufeffa,ü\n1,é\n".encode("utf-16-be"),
        "a,ü\n1,é\n".encode("utf-32"),
        b'\xef\xbb\xbf"a","\xc3\xbc"\n1,\xc3\xa9\n',
    ],
)
def test_byte_order_marks(tmp_path: Path, content: bytes) -> None:
    table = read_text(tmp_path, content)
    assert (list(table.types), table.rows) == (["a", "ü"], [(1, "é")])


def test_half_a_character_at_the_end(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b\n1,é\n2,ü\n".encode("utf-16") + b"\0")
    assert table.rows == [(1, "é"), (2, "ü")]
    assert (table.report["replaced_characters"], table.report["rejected_rows"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xef\xbb\xbf", "no_rows"),
        (b"\n\n\n", "no_rows"),
        (b"a,b\n", "no_rows"),
        (b"a,b\n" + b"1,caf\xe9\n" * 2000 + b"2,x\0\n", "not_tabular"),
        ("a,b\n1,\0\n".encode("utf-16"), "not_tabular"),
    ],
)
def test_what_has_no_rows_or_is_no_text(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        read_text(tmp_path, content)
    assert caught.value.code == code


def test_delimiters_only(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,b\n,\n,\n")
    assert table.rows == [(None, None), (None, None)]
    assert list(read_text(tmp_path, ",b,\n1,2,3\n").types) == ["column_1", "b", "column_3"]


def test_a_wide_table_with_late_surprises(tmp_path: Path) -> None:
    width = 240
    line = ",".join(["1", "2.5", "2020-01-02", "x"] * (width // 4))
    odd = ",".join(["1.5", "7", "2020-01-03", "y"] * (width // 4))
    table = read_text(tmp_path, ",".join(f"c{i}" for i in range(width)) + f"\n{line}\n" + f"{odd}\n")
    assert table.rows[1][:4] == (1.5, 7.0, table.rows[1][2], "y")
    assert set(table.types.values()) == {"number", "date", "string"}


@pytest.mark.parametrize("megabytes", [5, 9])
def test_lines_that_are_too_long_are_counted(tmp_path: Path, megabytes: int) -> None:
    """DuckDB tells of those that fit into its buffer, and of no others."""
    long = "x" * megabytes * 2**20
    table = read_text(tmp_path, f"a,b\n1,2\n{long},1\n3,4\n{long}")
    assert table.rows == [(1, 2), (3, 4)]
    assert table.report["rejected_reasons"] == {"the line is too long": 2}
    assert [sample["line"] for sample in table.report["rejected_samples"]] == [3, 5]
