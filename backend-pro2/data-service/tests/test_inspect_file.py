"""Looking into a file says what ingest would do."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from shared.compute.protocol import ComputeError

from ..app.engines import inspect_file
from .conftest import quiet
from .reading import job_of

LINES = "".join(f'{number};"{number / 4}, x";31.12.2020\n' for number in range(20_000))


def _inspect(folder: Path, content: str | bytes, *, partial: bool = False, **members: Any) -> dict[str, Any]:
    job = job_of(folder, content, sample_rows=3, partial=partial, **members)
    return inspect_file.inspect(job, quiet)


def test_a_small_file_is_read_whole(tmp_path: Path) -> None:
    found = _inspect(tmp_path, "Title\nid;price;big\n1;2,5;9007199254740993\n2;3,5;1\n")
    assert found["columns"] == [
        {"name": "id", "type": "integer"},
        {"name": "price", "type": "number"},
        {"name": "big", "type": "integer"},
    ]
    assert found["rows"] == [[1, 2.5, "9007199254740993"], [2, 3.5, 1]]
    assert (found["format"], found["delimiter"], found["header"], found["skipped_lines"]) == ("csv", ";", True, 1)
    assert (found["row_count_estimate"], found["warnings"], found["packed_as"]) == (2, [], None)


def test_a_large_file_is_read_at_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_file, "HEAD_BYTES", 100_000)
    found = _inspect(tmp_path, "n;t;d\n" + LINES)
    assert [column["type"] for column in found["columns"]] == ["integer", "string", "date"]
    assert found["rows"][2] == [2, "0.5, x", "2020-12-31"]
    assert abs(found["row_count_estimate"] - 20_000) < 4000
    assert len(found["warnings"]) == 1


@pytest.mark.parametrize("cut", [70, 71, 72, 73, 74, 75])
def test_the_line_that_is_cut_is_left_out(tmp_path: Path, cut: int) -> None:
    content = b'a,b\n1,"two\nlines"\n2,x\n3,"many, many words\nand more\nin this"\n4,y\n'
    found = _inspect(tmp_path, content[: cut - 20], partial=True)
    assert found["rows"] == [[1, "two\nlines"], [2, "x"]]
    assert found["row_count_estimate"] is None
    assert len(found["warnings"]) == 1


def test_utf16_is_cut_between_characters(tmp_path: Path) -> None:
    found = _inspect(tmp_path, "a,b\n1,é\n2,ü\n3,ö".encode("utf-16")[:-1], partial=True)
    assert (found["encoding"], found["rows"]) == ("utf-16", [[1, "é"], [2, "ü"]])


def test_packed_and_cut(tmp_path: Path) -> None:
    packed = gzip.compress(("n;t;d\n" + LINES).encode())
    found = _inspect(tmp_path, packed[: len(packed) // 2], partial=True, filename="x.csv.gz")
    assert (found["packed_as"], found["rows"][0]) == ("gzip", [0, "0.0, x", "2020-12-31"])
    assert found["row_count_estimate"] is None


def test_packed_and_whole(tmp_path: Path) -> None:
    found = _inspect(tmp_path, gzip.compress(b"a,b\n1,2\n"), filename="x.csv.gz")
    assert (found["packed_as"], found["rows"], found["row_count_estimate"]) == ("gzip", [[1, 2]], 1)


def test_options_count(tmp_path: Path) -> None:
    options = {"header": False, "types": {"column_1": "string", "column_2": "integer"}}
    found = _inspect(tmp_path, "1,x\n2,3\n", options=options)
    assert found["rows"] == [["1", None], ["2", 3]]
    assert found["warnings"] == ["1 of the values read do not fit the types given and would become null."]


def test_lines_that_do_not_fit_are_told(tmp_path: Path) -> None:
    found = _inspect(tmp_path, "a,b\n1,2\n3\n4,5\n")
    assert "line 3: too few values" in found["warnings"][0]


@pytest.mark.parametrize("start", [b"PAR1\x15\x04\x15\x10", b"PK\x03\x04" + bytes(26) + b"data.csv"])
def test_some_need_the_whole_file(tmp_path: Path, start: bytes) -> None:
    with pytest.raises(ComputeError) as caught:
        _inspect(tmp_path, start + bytes(1000), partial=True, filename="data")
    assert caught.value.code == "complete_file_needed"


def test_other_formats_are_read_by_their_readers(tmp_path: Path) -> None:
    found = _inspect(tmp_path, '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', filename="x.jsonl")
    assert (found["format"], found["rows"]) == ("jsonl", [[1, "x"], [2, "y"]])
    assert (found["delimiter"], found["encoding"]) == (None, found["encoding"])
