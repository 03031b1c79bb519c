"""One spelling for each address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..app.core.emails import normalise_email, normalise_login


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("a+b@example.com", "a+b@example.com"),
        ("admin@pro1.local", "admin@pro1.local"),
        ("root@localhost", "root@localhost"),
        ("x@münchen.de", "x@münchen.de"),
        ("x@xn--mnchen-3ya.de", "x@münchen.de"),
        ("\u212aelvin@\uff45xample.com", "kelvin@example.com"),
        ("\u0386\u0345@example.com", "\u1fb4@example.com"),
    ],
)
def test_normal_form(written: str, kept: str) -> None:
    assert normalise_email(written) == kept
    assert normalise_email(kept) == kept


@pytest.mark.parametrize(
    "written",
    [
        *("", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@@example.com", "ada@exa mple.com"),
        *("ada@example.com\n", "ada@example..com", "a" * 65 + "@example.com", "a@" + "b" * 260 + ".com", "<a@b.c>"),
    ],
)
def test_not_an_address(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalise_email(written)


@given(st.text(max_size=60))
def test_login_name_never_fails(name: str) -> None:
    assert normalise_login(name) == normalise_login(name)


@given(st.emails())
def test_normal_form_is_final(address: str) -> None:
    try:
        kept = normalise_email(address)
    except ValueError:
        return
    assert normalise_email(kept) == kept == kept.lower()
