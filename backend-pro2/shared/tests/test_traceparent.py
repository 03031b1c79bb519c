"""What is taken as a traceparent, and that nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracing import Traceparent, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("00", False), ("03", True), ("02", False), ("ff", True)])
def test_a_valid_one_names_trace_span_and_whether_it_is_recorded(flags: str, sampled: bool) -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}") == Traceparent(TRACE, SPAN, sampled)


def test_of_a_later_version_the_known_fields_are_taken() -> None:
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings") == Traceparent(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}a-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 201}",
        f"cc-{TRACE}-{SPAN}-01-\r\nhost: evil",
        f"00-{chr(0x661) * 32}-{SPAN}-01",
        "00-" + "'; DROP TABLE users; --" + f"-{SPAN}-01",
    ],
)
def test_anything_else_is_none(text: str | None) -> None:
    assert parse_traceparent(text) is None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_what_is_written_is_read(trace: int, span: int, sampled: bool) -> None:
    place = Traceparent(f"{trace:032x}", f"{span:016x}", sampled)
    assert parse_traceparent(str(place)) == place


@given(st.text(max_size=120))
def test_no_text_breaks_it(text: str) -> None:
    place = parse_traceparent(text)
    assert place is None or (len(place.trace_id), len(place.span_id)) == (32, 16)
