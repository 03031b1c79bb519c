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


@pytest.mark.parametrize(
    "password",
    [
        "example.com",
        "Example2026!",
        "!!ada.lovelace!!",
        "AdaLovelace1815",
        "ada.lovelace@example.com1",
        "pro1-----2026",
        "Diabetes Study 2",
        "DIABETES_STUDY",
        "\uff24iabetes\u3000study",
        "Password!2031?",
        "99letmein99!",
    ],
)
def test_words_that_an_attacker_knows_with_some_decoration(password: str) -> None:
    assert password_fault(password, EMAIL, ("Ada Lovelace", "pro1", None, "", "Diabetes study")) is not None


@pytest.mark.parametrize(
    "password", ["example of a good one", "pro1 and contra2", "ada likes lovelace", "1234567abc890"]
)
def test_words_that_are_only_a_part_of_it(password: str) -> None:
    assert password_fault(password, EMAIL, ("Ada Lovelace", "pro1", None, "", "Diabetes study", "2026", "!")) is None


def test_name_without_letters_is_compared_as_it_is() -> None:
    assert password_fault("31415926535", "31415926535@example.com") is not None
    assert password_fault("27182818284", "31415926535@example.com") is None
