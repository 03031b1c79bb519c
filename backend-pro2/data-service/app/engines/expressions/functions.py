"""The functions of expressions: one list, from which calls are checked and the documentation is made."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from shared.tabular.names import nearest, shown
from shared.tabular.types import DATETIME, INTEGER, STRING

from . import functions_general, functions_number, functions_text, functions_time
from .failures import refused
from .nodes import NULL, NUMBERS, Node, as_type, combined, require, unified
from .signatures import Function, Parameter


class FunctionDescription(TypedDict):
    """A function as the documentation shows it."""

    name: str
    arguments: list[dict[str, Any]]
    returns: str
    description: str
    example: str


_ALL = (
    *functions_number.FUNCTIONS,
    *functions_text.FUNCTIONS,
    *functions_time.FUNCTIONS,
    *functions_general.FUNCTIONS,
)
BY_NAME: Mapping[str, Function] = {function.name: function for function in _ALL}
_OTHER_ROWS = "sum avg mean count median stddev std variance first last any_value string_agg list row_number rank lag"
_ELSEWHERE = {
    **dict.fromkeys(_OTHER_ROWS.split(), "looks at several rows; use a step such as aggregate or window"),
    **dict.fromkeys(("iff", "iif"), "is called if"),
    **dict.fromkeys(("len", "char_length"), "is called length"),
    **dict.fromkeys(("substring", "mid"), "is called substr"),
    **dict.fromkeys(("now", "today", "current_date", "random", "uuid"), "differs from run to run; it is not available"),
    **dict.fromkeys(("exists", "any", "all", "select"), "needs a subquery, which is not available"),
    "ceiling": "is called ceil",
    "pow": "is called power",
}


def call(name: str, arguments: Sequence[Node], position: int) -> Node:
    """A call of the function `name`.

    Raises:
        ComputeError: `invalid_expression`.
    """
    function = BY_NAME.get(name.lower()) if name.isascii() else None
    if function is None:
        raise refused(_unknown(name), position)
    _check_count(function, len(arguments), position)
    parameters = [function.parameter(index) for index in range(len(arguments))]
    checked = [
        _checked(parameter, argument, function) for parameter, argument in zip(parameters, arguments, strict=True)
    ]
    checked, kind = _with_types(function, parameters, checked)
    return combined(function.write([node.sql for node in checked], kind), kind, position, checked)


def _unknown(name: str) -> str:
    elsewhere = _ELSEWHERE.get(name.lower())
    if elsewhere:
        return f"The function {shown(name)} {elsewhere}"
    return f"There is no function {shown(name)}.{nearest(name, BY_NAME)}".rstrip(".")


def _check_count(function: Function, count: int, position: int) -> None:
    if not function.least <= count <= function.most:
        raise refused(f"{function.name} is called like {function.example}", position)


def _checked(parameter: Parameter, argument: Node, function: Function) -> Node:
    what = f"The argument '{parameter.name}' of {function.name}"
    require(argument, parameter.kinds, what)
    if parameter.literal is None:
        return argument
    if argument.value is None:
        raise refused(f"{what} must be written out, not computed", argument.position)
    return Node(parameter.literal(argument, what), argument.type, argument.position, value=argument.value)


def _with_types(
    function: Function, parameters: Sequence[Parameter], arguments: Sequence[Node]
) -> tuple[list[Node], str]:
    """The arguments in the types that the SQL wants, and the type of the call."""
    alike = [index for index, parameter in enumerate(parameters) if parameter.alike]
    nodes, common = list(arguments), ""
    if alike:
        same, common = unified([arguments[index] for index in alike], function.name)
        if common == NULL:
            common = INTEGER if parameters[alike[0]].kinds <= NUMBERS else STRING
        for index, node in zip(alike, same, strict=True):
            nodes[index] = as_type(node, common)
    for index, parameter in enumerate(parameters):
        if parameter.literal is None and parameter.read_as:
            nodes[index] = as_type(nodes[index], parameter.read_as)
        elif nodes[index].type == NULL:
            nodes[index] = as_type(nodes[index], DATETIME)
    return nodes, function.result(common, nodes)


def _described(function: Function) -> FunctionDescription:
    arguments = [
        {
            "name": p.name,
            "types": sorted(p.kinds),
            "optional": index >= function.least,
            "literal": p.literal is not None,
        }
        for index, p in enumerate(function.parameters)
    ]
    returns = function.returns if isinstance(function.returns, str) else "the time's type, or datetime for small units"
    return FunctionDescription(
        name=function.name,
        arguments=arguments,
        returns=returns or "the arguments' type",
        description=function.description,
        example=function.example,
    )


FUNCTIONS: tuple[FunctionDescription, ...] = tuple(_described(function) for function in _ALL)
