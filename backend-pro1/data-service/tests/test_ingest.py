"""Messy files, with answers that can be checked by eye."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError

from .conftest import IngestText

MANY = 25_000
CYRILLIC = "имя,город\nИгорь,Минск\nЛюбовь,Львов\n"  # noqa: RUF001 - Cyrillic on purpose


def _rows(tmp_path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.read_parquet(str(tmp_path / "data.parquet")).fetchall()


def _types(answer: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in answer["schema"]}


def test_types_are_found(ingest_text: IngestText) -> None:
    answer = ingest_text(
        "i,n,b,d,t,s\n1,1.5,true,2024-01-31,2024-01-31 10:00:00,x\n2,2,false,2024-02-01,2024-02-01 11:00:00,y\n"
    )
    assert list(_types(answer).values()) == ["integer", "number", "boolean", "date", "datetime", "string"]
    assert answer["rows"] == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(ingest_text: IngestText, delimiter: str) -> None:
    answer = ingest_text("a,b,c\n1,2,3\n4,5,6\n".replace(",", delimiter))
    assert (list(_types(answer)), answer["report"]["delimiter"]) == (["a", "b", "c"], delimiter)


def test_quotes_hold_delimiters_line_ends_and_quotes(ingest_text: IngestText, tmp_path: Path) -> None:
    ingest_text('a,b\n1,"x,y"\n2,"two\nlines"\n3,"say ""hi"""\n')
    assert [row[1] for row in _rows(tmp_path)] == ["x,y", "two\nlines", 'say "hi"']


def test_decimal_commas(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text("a;b\n1.234,5;2,5\n7;3,25\n")
    assert (_rows(tmp_path), _types(answer)) == ([(1234.5, 2.5), (7.0, 3.25)], {"a": "number", "b": "number"})


def test_thousands(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text('a,b\n"1,234","1,000.50"\n"2,234,567",2.25\n12,3\n')
    assert _rows(tmp_path) == [(1234, 1000.5), (2234567, 2.25), (12, 3.0)]
    assert _types(answer) == {"a": "integer", "b": "number"}


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("latin-1", "cp1252"), ("cp1252", "cp1252"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("utf-8", "utf-8")],
)
def test_encodings(ingest_text: IngestText, tmp_path: Path, encoding: str, found: str) -> None:
    answer = ingest_text("naïve;café\n1;é\n2;ü\n".encode(encoding))
    assert (answer["report"]["encoding"], list(_types(answer))) == (found, ["naïve", "café"])
    assert [row[1] for row in _rows(tmp_path)] == ["é", "ü"]


def test_cyrillic_without_a_mark(ingest_text: IngestText) -> None:
    answer = ingest_text(CYRILLIC.encode("cp1251"))
    assert list(_types(answer)) == CYRILLIC.split("\n")[0].split(",")
    assert not answer["report"]["encoding_certain"]


def test_accent_behind_a_megabyte_of_ascii(ingest_text: IngestText, tmp_path: Path) -> None:
    ingest_text(b"a,b\n" + b"1,x\n" * 300_000 + b"2,caf\xe9\n")
    assert _rows(tmp_path)[-1] == (2, "café")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(ingest_text: IngestText, newline: str) -> None:
    assert ingest_text("a,b\n1,2\n3,4\n".replace("\n", newline))["rows"] == 2


def test_mixed_line_ends(ingest_text: IngestText) -> None:
    assert ingest_text("a,b\r\n1,2\r\n3,4\n5,6\r\n")["rows"] == 3


def test_ragged_rows_are_reported_not_dropped_in_silence(ingest_text: IngestText, tmp_path: Path) -> None:
    report = ingest_text("a;b\n1;2\nbad\n3;4;5\n5;6\n7;8\n")["report"]
    assert _rows(tmp_path) == [(1, 2), (5, 6), (7, 8)]
    assert report["rejected_rows"] == 2
    assert [(sample["line"], sample["text"]) for sample in report["rejected_samples"]] == [(3, "bad"), (4, "3;4;5")]
    assert report["rejected_reasons"] == {"too few values": 1, "too many values": 1}


def test_names_are_made_unique(ingest_text: IngestText) -> None:
    answer = ingest_text("a,a,,A\n1,2,3,4\n5,6,7,8\n")
    assert list(_types(answer)) == ["a", "a_2", "column_3", "A_3"]
    assert [entry["position"] for entry in answer["report"]["renamed"]] == [2, 3, 4]


def test_no_header(ingest_text: IngestText) -> None:
    answer = ingest_text("1,2\n3,4\n")
    assert (list(_types(answer)), answer["report"]["header"], answer["rows"]) == (["column_1", "column_2"], False, 2)


def test_years_as_names(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text("country,2018,2019,2020\nDE,1,2,0\nFR,3,4,4.5\n")
    assert _types(answer) == {"country": "string", "2018": "integer", "2019": "integer", "2020": "number"}
    assert _rows(tmp_path) == [("DE", 1, 2, 0.0), ("FR", 3, 4, 4.5)]


def test_years_as_data(ingest_text: IngestText) -> None:
    assert ingest_text("Ada,1815,1852\nAlan,1912,1954\nKurt,1906,1978\n")["rows"] == 3
    assert ingest_text("2019,2020\n2021,2023\n")["rows"] == 2


def test_lines_above_the_table(ingest_text: IngestText) -> None:
    answer = ingest_text("Report 2020\n\na,b,c\n1,2,3\n4,5,6\n")
    assert (list(_types(answer)), answer["report"]["skipped_lines"]) == (["a", "b", "c"], 2)


def test_separator_line_of_excel(ingest_text: IngestText) -> None:
    assert list(_types(ingest_text("sep=;\na;b\n1;2\n"))) == ["a", "b"]


def test_words_for_missing_values(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text("a,b,country\n1,NA,NA\n2,3.5,US\n-,n/a,DE\n")
    assert _types(answer) == {"a": "integer", "b": "number", "country": "string"}
    assert _rows(tmp_path) == [(1, None, "NA"), (2, 3.5, "US"), (None, None, "DE")]


def test_codes_keep_their_digits(ingest_text: IngestText, tmp_path: Path) -> None:
    ingest_text("zip,big\n01234,12345678901234567890\n99999,12345678901234567891\n")
    assert _rows(tmp_path)[0] == ("01234", "12345678901234567890")


def test_a_late_code_keeps_its_zeros(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text("zip,n\n" + "12345,0.5\n" * MANY + "01234,007.5\n")
    assert (_rows(tmp_path)[-1], _types(answer)) == (("01234", 7.5), {"zip": "string", "n": "number"})


def test_late_surprises_cost_no_row(ingest_text: IngestText, tmp_path: Path) -> None:
    body = "".join(f"{number},{number},{number}\n" for number in range(MANY))
    answer = ingest_text("a,b,c\n" + body + "NA,1.5,oops\n")
    assert _types(answer) == {"a": "integer", "b": "number", "c": "string"}
    assert (_rows(tmp_path)[-1], answer["report"]["rejected_rows"]) == ((None, 1.5, "oops"), 0)
    assert {entry["column"] for entry in answer["report"]["conversions"]} == {"a", "b", "c"}


def test_not_a_number_is_missing(ingest_text: IngestText, tmp_path: Path) -> None:
    ingest_text("a\n1.5\nNaN\n2.5\n")
    assert _rows(tmp_path) == [(1.5,), (None,), (2.5,)]


def test_zoned_moments_become_utc(ingest_text: IngestText, tmp_path: Path) -> None:
    answer = ingest_text("z,k\n2020-01-01T00:00:00Z,1\n2020-01-01T00:00:00+02:00,2\n")
    assert _types(answer)["z"] == "datetime"
    assert [str(row[0]) for row in _rows(tmp_path)] == ["2020-01-01 00:00:00", "2019-12-31 22:00:00"]


def test_order_of_rows_is_kept(ingest_text: IngestText, tmp_path: Path) -> None:
    ingest_text("a\n" + "".join(f"{number}\n" for number in range(300_000)))
    assert [row[0] for row in _rows(tmp_path)] == list(range(300_000))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("a,b,c\n", "no_rows"),
        ("   \n\n", "no_rows"),
        ("Hello world, this is prose.\nSome lines, some commas, some more.\nNone; really.\n", "not_tabular"),
        (",".join(f"c{number}" for number in range(1001)) + "\n" + ",".join("1" * 1001) + "\n", "too_many_columns"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(ingest_text: IngestText, content: str, code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        ingest_text(content)
    assert caught.value.code == code
    assert caught.value.detail.endswith(".")
    assert "/" not in caught.value.detail


def test_wide_tables(ingest_text: IngestText) -> None:
    line = ",".join("1" * 210)
    answer = ingest_text(",".join(f"c{number}" for number in range(210)) + f"\n{line}\n{line}\n")
    assert (len(answer["schema"]), answer["profile"]["duplicates"]) == (210, 1)
