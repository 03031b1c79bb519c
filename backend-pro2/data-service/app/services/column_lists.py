"""Names of columns in one query parameter: comma-separated, in double quotes where a name holds a comma."""

import csv

from shared.errors import Invalid


def split_columns(text: str, parameter: str, most: int | None = None) -> list[str]:
    """The names in `text`, in its order.

    Raises:
        Invalid: `invalid_list`, a quotation mark or line break out of place, an empty name, or more names than `most`.
    """
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise _no_list(parameter) from error
    names = [name.strip() for row in rows for name in row]
    if len(rows) != 1 or not names or not all(names):
        raise _no_list(parameter)
    if most is not None and len(names) > most:
        raise Invalid(f"`{parameter}` may name {most} columns at most.", code="invalid_list")
    return names


def _no_list(parameter: str) -> Invalid:
    return Invalid(
        f"`{parameter}` is a list of names with commas between them; a name that holds a comma stands in double "
        "quotes, and a double quote within it is doubled.",
        code="invalid_list",
    )
