"""Ways in which files write dates and moments, and the SQL that reads them from text."""

from shared.tabular.quoting import literal

from .notations import Notation

_TIME = r"\d{1,2}:\d\d(:\d\d(\.\d{1,6}0*)?)?"
_HALF_DAY = r"\d{1,2}:\d\d(:\d\d)? [AaPp][Mm]"
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)"
_ISO_DAY = r"\d{4}-\d\d-\d\d"
_ISO_MOMENT = rf"{_ISO_DAY}[T ]\d\d:\d\d(:\d\d(\.\d{{1,6}}0*)?)?"
# A text `infinity` becomes this day in DuckDB, whatever the format; so the day itself is read by its pattern.
_SUSPECT = "1900-01-01"

ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
READ_DATE = Notation(
    "date",
    _ISO_DAY,
    "DATE",
    "TRY_CAST({text} AS DATE)",
    words=False,
    reads_as="DATE",
    guard=f"CASE WHEN {{column}} = DATE '{_SUSPECT}' THEN {{bad}} ELSE {{column}} END",
)
READ_MOMENT = Notation(
    "moment",
    rf"{_ISO_DAY} \d\d:\d\d:\d\d",
    "TIMESTAMP",
    "TRY_CAST({text} AS TIMESTAMP)",
    words=False,
    reads_as="TIMESTAMP",
    guard=f"CASE WHEN {{column}} = TIMESTAMP '{_SUSPECT} 00:00:00' THEN {{bad}} ELSE {{column}} END",
)
ISO_DATE = Notation("date", _ISO_DAY, "DATE", "TRY_CAST(trim({text}) AS DATE)", words=False)
ISO_MOMENT = Notation("moment", _ISO_MOMENT, "TIMESTAMP", "TRY_CAST(trim({text}) AS TIMESTAMP)", words=False)
ZONED_MOMENT = Notation(
    "moment",
    _ISO_MOMENT + _ZONE,
    "TIMESTAMP",
    "(TRY_CAST(trim({text}) AS TIMESTAMPTZ) AT TIME ZONE 'UTC')",
    words=False,
)
# Where the uploader insists: a midnight is a date, and a date is a midnight.
ANY_ISO_DATE = Notation(
    "date", _ISO_DAY + r"([T ]00:00(:00(\.0+)?)?)?", "DATE", "TRY_CAST(left(trim({text}), 10) AS DATE)"
)
ANY_ISO_MOMENT = Notation("moment", rf"{_ISO_MOMENT}|{_ISO_DAY}", "TIMESTAMP", "TRY_CAST(trim({text}) AS TIMESTAMP)")

_DAY, _YEAR = r"\d{1,2}", r"\d{4}"
_MONTH, _LONG_MONTH = r"[A-Za-z]{3}", r"[A-Za-z]{3,9}"
_WRITTEN = (
    ("%Y/%m/%d", rf"{_YEAR}/{_DAY}/{_DAY}"),
    ("%d.%m.%Y", rf"{_DAY}\.{_DAY}\.{_YEAR}"),
    ("%d/%m/%Y", rf"{_DAY}/{_DAY}/{_YEAR}"),
    ("%m/%d/%Y", rf"{_DAY}/{_DAY}/{_YEAR}"),
    ("%d-%m-%Y", rf"{_DAY}-{_DAY}-{_YEAR}"),
    ("%m-%d-%Y", rf"{_DAY}-{_DAY}-{_YEAR}"),
    ("%d-%b-%Y", rf"{_DAY}-{_MONTH}-{_YEAR}"),
    ("%d %b %Y", rf"{_DAY} {_MONTH} {_YEAR}"),
    ("%d %B %Y", rf"{_DAY} {_LONG_MONTH} {_YEAR}"),
    ("%b %d, %Y", rf"{_MONTH} {_DAY}, {_YEAR}"),
    ("%B %d, %Y", rf"{_LONG_MONTH} {_DAY}, {_YEAR}"),
)
_CLOCKS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f")
_HALF_DAY_CLOCKS = (" %I:%M:%S %p", " %I:%M %p")


def date(form: str, pattern: str, *, words: bool = False) -> Notation:
    """Dates in strptime's `form`."""
    value = f"CAST(try_strptime(trim({{text}}), {literal(form)}) AS DATE)"
    return Notation("date", pattern, "DATE", value, words=words, note=f"read as dates written {shown(form)}")


def moment(forms: tuple[str, ...], pattern: str, *, words: bool = False) -> Notation:
    """Moments in one of strptime's `forms`; those with an offset become UTC."""
    listed = ", ".join(literal(form) for form in forms)
    zoned = any("%z" in form or "%Z" in form for form in forms)
    value = f"try_strptime(trim({{text}}), [{listed}])" + (" AT TIME ZONE 'UTC'" if zoned else "")
    note = f"read as moments written {shown(forms[0])}"
    return Notation("moment", pattern, "TIMESTAMP", f"({value})", words=words, note=note)


def shown(form: str) -> str:
    """A format without its percent signs."""
    return form.replace("%", "")


# No text of a format begins so, and DuckDB takes these words for dates in every format.
_NO_WORD = r"(?:[^eEiI+-]|[eE](?:[^pP]|$)|[iI](?:[^nN]|$)|[+-](?:[^iI]|$)).*"


def said_date(form: str) -> Notation:
    """Dates as the uploader says they are written."""
    return date(form, _NO_WORD, words=True)


def said_moment(form: str) -> Notation:
    """Moments as the uploader says they are written."""
    return moment((form,), _NO_WORD, words=True)


def _moments(form: str, pattern: str) -> tuple[Notation, Notation]:
    full = moment(tuple(form + clock for clock in _CLOCKS), f"{pattern} {_TIME}")
    half = moment(tuple(form + clock for clock in _HALF_DAY_CLOCKS), f"{pattern} {_HALF_DAY}")
    return full, half


DATES = {form: date(form, pattern) for form, pattern in _WRITTEN}
MOMENTS = {form: _moments(form, pattern) for form, pattern in _WRITTEN}
ISO = (READ_DATE, READ_MOMENT, ISO_MOMENT, ZONED_MOMENT)
ALL = (*ISO, *DATES.values(), *(entry for pair in MOMENTS.values() for entry in pair))


def _turned(form: str) -> str | None:
    turned = form.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
    return turned if turned != form and turned in DATES else None


def _other_orders() -> dict[Notation | None, Notation]:
    pairs: dict[Notation | None, Notation] = {DATES[form]: DATES[other] for form in DATES if (other := _turned(form))}
    for form in MOMENTS:
        if other := _turned(form):
            pairs |= dict(zip(MOMENTS[form], MOMENTS[other], strict=True))
    return pairs


# The same digits with day and month the other way round.
OTHER_ORDER = _other_orders()
# Columns whose every text has been read so far, read by its pattern from now on.
CHECKED: dict[Notation | None, Notation] = {READ_DATE: ISO_DATE, READ_MOMENT: ISO_MOMENT}
