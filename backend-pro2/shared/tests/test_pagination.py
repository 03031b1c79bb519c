"""Cursors go there and back, and rubbish is refused."""

from uuid import UUID

import pytest

from shared.errors import Invalid
from shared.ids import new_id
from shared.pagination import decode_cursor, encode_cursor, page_of


def test_there_and_back() -> None:
    last = new_id()
    assert decode_cursor(encode_cursor(last)) == last
    assert decode_cursor(None) is None


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "é", "A" * 99, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_rubbish(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor)


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
