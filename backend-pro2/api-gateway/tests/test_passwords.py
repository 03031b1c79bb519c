"""What a new password must be."""

import pytest

from ..app.core.passwords import password_fault

EMAIL = "ada.lovelace@example.com"


@pytest.mark.parametrize(
    "password", ["correct horse", "x" * 9 + "yzw", "ä" * 5 + "öüé" * 2, "abcd" * 32, "🔑🗝️🔒🔓" * 3]
)
def test_good(password: str) -> None:
    assert password_fault(password, EMAIL) is None


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "10 to 128"),
        ("short-one", "10 to 128"),
        ("x1y2" * 32 + "z", "10 to 128"),
        ("ada.lovelace@example.com", "e-mail"),
        ("ADA.Lovelace", "e-mail"),
        (" ada.lovelace ", "e-mail"),
        ("password123", "attacker"),
        ("Password123", "attacker"),
        ("1234567890", "attacker"),
        ("qwertyuiop", "attacker"),
        ("1q2w3e4r5t", "attacker"),
        ("aaaaaaaaaaaa", "attacker"),
        ("ababababab", "attacker"),
        (" " * 12, "attacker"),
    ],
)
def test_bad(password: str, says: str) -> None:
    fault = password_fault(password, EMAIL)
    assert fault is not None
    assert says in fault
