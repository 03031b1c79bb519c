"""Functions of values of any kind."""

from shared.tabular.types import BOOLEAN

from .signatures import ANY, Function, Parameter

_ANY = Parameter("x", ANY, alike=True)


FUNCTIONS = (
    Function(
        "coalesce",
        (_ANY,),
        "",
        ("coalesce({all})",),
        "The first value that is not null.",
        "coalesce(nickname, name)",
        least=1,
        repeats=True,
    ),
    Function(
        "nullif",
        (_ANY, Parameter("y", ANY, alike=True)),
        "",
        ("nullif({0}, {1})",),
        "Null where both are equal, else x.",
        "nullif(age, -1)",
        least=2,
    ),
    Function(
        "if",
        (
            Parameter("condition", frozenset({BOOLEAN}), read_as=BOOLEAN),
            Parameter("then", ANY, alike=True),
            Parameter("otherwise", ANY, alike=True),
        ),
        "",
        ("(CASE WHEN {0} THEN {1} END)", "(CASE WHEN {0} THEN {1} ELSE {2} END)"),
        "`then` where the condition is true, else `otherwise` or null.",
        "if(age < 18, 'child', 'adult')",
        least=2,
    ),
    Function(
        "least",
        (_ANY,),
        "",
        ("least({all})",),
        "The smallest value; nulls are left out.",
        "least(price, 100)",
        least=1,
        repeats=True,
    ),
    Function(
        "greatest",
        (_ANY,),
        "",
        ("greatest({all})",),
        "The largest value; nulls are left out.",
        "greatest(price, 0)",
        least=1,
        repeats=True,
    ),
)
