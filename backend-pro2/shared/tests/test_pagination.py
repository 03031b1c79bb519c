"""Cursors go there and back, and rubbish is refused."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from shared.errors import Invalid
from shared.ids import new_id
from shared.pagination import Position, decode_cursor, decode_position, encode_cursor, page_of


def test_there_and_back() -> None:
    last = new_id()
    assert decode_cursor(encode_cursor(last)) == last
    assert decode_cursor(None) is None


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "é", "A" * 99, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_rubbish(cursor: str) -> None:
    for decode in (decode_cursor, decode_position):
        with pytest.raises(Invalid):
            decode(cursor)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5))),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_time_and_id_there_and_back(at: datetime) -> None:
    last = Position(at, new_id())
    assert decode_position(encode_cursor(last)) == last
    assert decode_position(None) is None


def test_a_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_position("f" + "_" * 31)
    with pytest.raises(Invalid):
        decode_position(encode_cursor(new_id()))


def test_the_extra_row_only_shows_that_there_is_more() -> None:
    rows = [new_id() for _ in range(3)]
    page = page_of(rows, 2, str, lambda row: row)
    assert page.items == [str(row) for row in rows[:2]]
    assert decode_cursor(page.next_cursor) == rows[1]
    assert page_of(rows, 3, str, lambda row: row).next_cursor is None


def test_ids_sort_by_birth() -> None:
    ids = [new_id() for _ in range(100)]
    assert ids == sorted(ids)
    assert all(isinstance(value, UUID) and value.version == 7 for value in ids)
