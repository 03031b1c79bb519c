"""What the values of a column look like: personal data, numbers or dates kept as texts."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

from shared.tabular.types import INTEGER, STRING

from .scalars import Scalars
from .shapes import ProfileWarning
from .source import Run

VALUES = 1000
ROWS_LOOKED_AT = 2000
LONGEST = 100
FEWEST = 3
LIKELY = 0.5
MOSTLY = 0.8

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"(\+|00|\()[\d\s()./-]{6,20}|[\d\s()/-]{6,20}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"[2-6]\d{3}([ -]?\d{4}){2}[ -]?\d{1,7}")
_NAME = re.compile(r"[^\W\d_][^\d_@/\\]{0,60}")
_NUMBER = re.compile(r"[+-]?(\d+([.,' ]\d+)*|[.,]\d+)(e[+-]?\d+)?\s*[%€$£]?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?")
_PHONE_HEADER = re.compile(r"phone|mobile|(^|_| )(tel|fax|cell)($|_| |\.)|telefon", re.IGNORECASE)
_NAME_HEADER = re.compile(
    r"(first|last|full|given|family|middle|maiden)[ _-]?name|surname|forename|vorname|nachname", re.IGNORECASE
)
_DIGITS = re.compile(r"\D")


def findings(run: Run, columns: Sequence[Scalars]) -> dict[str, list[ProfileWarning]]:
    """By name, what is likely of the columns of texts and of long integers, judged by a bounded number of values."""
    chosen = [column for column in columns if column.count >= FEWEST and column.type in {STRING, INTEGER}]
    if not chosen:
        return {}
    parts = ", ".join(_values(column.column) for column in chosen)
    listed = ", ".join(column.column for column in chosen)
    row = run.connection.execute(
        f"SELECT {parts} FROM (SELECT {listed} FROM few LIMIT {ROWS_LOOKED_AT})"  # noqa: S608 - quoted identifiers
    ).fetchone()
    return {
        column.name: list(_judged(column, [value.strip() for value in values or () if value.strip()]))
        for column, values in zip(chosen, row or (), strict=True)
    }


def _values(name: str) -> str:
    shown = f"left(CAST({name} AS VARCHAR), {LONGEST})"
    return f"list_slice(list({shown}) FILTER (WHERE {name} IS NOT NULL), 1, {VALUES})"


def _judged(column: Scalars, values: Sequence[str]) -> Iterator[ProfileWarning]:
    if len(values) < FEWEST:
        return
    for what, looks in _personal(column):
        share = _share(values, looks)
        if share >= (MOSTLY if what == "payment card numbers" else LIKELY):
            message = f"Column '{column.name}' looks like {what} ({share:.0%} of {len(values)} values looked at)."
            yield ProfileWarning(code="personal_data", message=message)
            return
    if column.type == STRING:
        yield from _mixed(column, values)


def _personal(column: Scalars) -> Iterator[tuple[str, Callable[[str], bool]]]:
    yield "payment card numbers", is_card
    if column.type == STRING:
        yield "e-mail addresses", lambda value: _EMAIL.fullmatch(value) is not None
        yield "IBANs", is_iban
        yield "IP addresses", is_ip
        if _NAME_HEADER.search(column.name):
            yield "names of persons", lambda value: _NAME.fullmatch(value) is not None
    hinted = _PHONE_HEADER.search(column.name) is not None
    if hinted or column.type == STRING:
        yield "telephone numbers", lambda value: is_phone(value, hinted=hinted)


def _mixed(column: Scalars, values: Sequence[str]) -> Iterator[ProfileWarning]:
    for what, form in (("numbers", _NUMBER), ("dates", _DATE)):
        share = _share(values, lambda value, form=form: form.fullmatch(value) is not None)  # type: ignore[misc]
        if MOSTLY <= share < 1:
            message = f"Column '{column.name}' is text, but {share:.0%} of {len(values)} values looked at are {what}."
            yield ProfileWarning(code="mixed_types", message=message)


def _share(values: Sequence[str], looks: Callable[[str], bool]) -> float:
    # A few values tell most columns apart from what they are not.
    if len(values) > 50 and not any(looks(value) for value in values[:50]):
        return 0.0
    return sum(map(looks, values)) / len(values)


def is_card(text: str) -> bool:
    """A payment card's number whose check digit is right (Luhn, ISO/IEC 7812-1)."""
    digits = _DIGITS.sub("", text) if _CARD.fullmatch(text) else ""
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """An account's number whose check digits are right (ISO 13616)."""
    number = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(number):
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    if "." not in text and ":" not in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_phone(text: str, *, hinted: bool) -> bool:
    """A number to call; without a `hinted` header only one that is written as such."""
    if not _PHONE.fullmatch(text) or _DATE.fullmatch(text):
        return False
    return 7 <= len(_DIGITS.sub("", text)) <= 15 and (hinted or text.startswith(("+", "00", "(")))
