"""Entity tags."""

import pytest

from shared.etags import etag_of, still_current, unchanged


def test_equal_bytes_equal_tag() -> None:
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"x", "a"', '"x",W/"a"', "*", " * "])
def test_unchanged(header: str) -> None:
    assert unchanged(header, '"a"')


@pytest.mark.parametrize("header", [None, "", "a", '"b"', 'W/"b"'])
def test_changed(header: str | None) -> None:
    assert not unchanged(header, '"a"')


@pytest.mark.parametrize("header", [None, "*", '"a"', '"b", "a"'])
def test_still_current(header: str | None) -> None:
    assert still_current(header, '"a"')


@pytest.mark.parametrize("header", ["", "a", '"b"', 'W/"a"'])
def test_stale(header: str) -> None:
    assert not still_current(header, '"a"')
