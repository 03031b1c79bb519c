"""Checks an order before any work is accepted: type, parameters, and the columns they name."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from shared.errors import FieldError, Invalid

from ..schemas.analysis_type import AnalysisType
from ..schemas.columns import ColumnUse, first_fault
from ..schemas.parameters import Parameters
from ..schemas.types import ANALYSIS_TYPES


def find_type(name: str) -> AnalysisType:
    """The catalogue's entry.

    Raises:
        Invalid: `unknown_type`; the detail names what there is.
    """
    return find_entry(ANALYSIS_TYPES, name, "analysis of type", "types", "unknown_type")


def find_entry(catalogue: Mapping[str, AnalysisType], name: str, noun: str, plural: str, code: str) -> AnalysisType:
    """The entry of a catalogue, whose entries are called so.

    Raises:
        Invalid: `code`; the detail names what there is.
    """
    entry = catalogue.get(name)
    if entry is None:
        close = get_close_matches(name, catalogue, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"The {plural} are: {', '.join(catalogue)}."
        raise Invalid(f"There is no {noun} {name!r}. {hint}", code=code)
    return entry


def read_parameters(entry: AnalysisType, params: Mapping[str, Any], place: str = "/analysis/types") -> Parameters:
    """The parameters of this type, which `place` lists, with defaults filled in.

    Raises:
        Invalid: `invalid_parameters`, with one entry in `errors` per fault.
    """
    try:
        return entry.parameters.model_validate(params)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [FieldError(loc=["body", "params", *fault["loc"]], msg=_plain(fault["msg"])) for fault in faults]
        member = ".".join(str(part) for part in errors[0]["loc"][1:])
        detail = f"{member}: {errors[0]['msg']}. See GET {place} for what {entry.name!r} takes."
        raise Invalid(detail, code="invalid_parameters", errors=errors) from None


def check_columns(parameters: Parameters, types: Mapping[str, str]) -> None:
    """Refuse columns that are absent or of a wrong type; `types` maps the version's columns to theirs.

    Raises:
        Invalid: `column_not_found`, `not_numeric` or `unsupported_column_type`.
    """
    check_uses(parameters.uses(), types)


def check_uses(uses: Sequence[ColumnUse], types: Mapping[str, str]) -> None:
    """The same for columns used otherwise."""
    fault = first_fault(uses, types)
    if fault is not None:
        raise Invalid(fault.detail, code=fault.code)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".")
