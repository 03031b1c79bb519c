"""Functions of numbers. Outside its domain a function is null; too large a double is infinity."""

from shared.tabular.types import BOOLEAN, INTEGER, NUMBER

from .nodes import NUMBERS
from .signatures import Function, Parameter, number, small

_SAME = Parameter("x", NUMBERS, alike=True)
_NAN = "nullif({}, CAST('nan' AS DOUBLE))"


_MINUS_INFINITY = "nullif({}, CAST('-infinity' AS DOUBLE))"


def _real(name: str, description: str, *, domain: bool = False, logarithm: bool = False) -> Function:
    """A function of one double; null where it gives NaN if it has a `domain`."""
    template = _NAN.format(f"{name}({{0}})") if domain else f"{name}({{0}})"
    if logarithm:
        # The greatest of null and zero is zero, and so becomes null again.
        template = _MINUS_INFINITY.format(f"{name}(greatest({{0}}, 0))")
    return Function(name, (number("x"),), NUMBER, (template,), description, f"{name}(x)", least=1)


FUNCTIONS = (
    Function("abs", (_SAME,), "", ("abs({0})",), "The distance from zero.", "abs(profit)", least=1),
    Function(
        "round",
        (number("x"), small("digits", 15)),
        NUMBER,
        ("round({0})", "round({0}, {1})"),
        "The nearest number with so many decimal digits (default 0); halves go away from zero.",
        "round(price, 2)",
        least=1,
    ),
    _real("floor", "The largest whole number not above x."),
    _real("ceil", "The smallest whole number not below x."),
    _real("trunc", "The whole part of x, towards zero."),
    _real("sqrt", "The square root; null below zero.", domain=True),
    _real("cbrt", "The cube root."),
    _real("exp", "e to the power of x."),
    _real("ln", "The natural logarithm; null at zero and below.", logarithm=True),
    _real("log10", "The logarithm to base 10; null at zero and below.", logarithm=True),
    _real("log2", "The logarithm to base 2; null at zero and below.", logarithm=True),
    _real("sin", "The sine of an angle in radians.", domain=True),
    _real("cos", "The cosine of an angle in radians.", domain=True),
    _real("tan", "The tangent of an angle in radians.", domain=True),
    _real("atan", "The angle, in radians, whose tangent is x."),
    Function(
        "power",
        (number("base"), number("exponent")),
        NUMBER,
        (_NAN.format("power({0}, {1})"),),
        "The base raised to the exponent; null where there is no real result.",
        "power(side, 2)",
        least=2,
    ),
    Function(
        "mod",
        (Parameter("x", NUMBERS, alike=True), Parameter("y", NUMBERS, alike=True)),
        "",
        ("({0} % nullif({1}, 0))",),
        "The remainder of x / y with the sign of x; null where y is zero.",
        "mod(id, 10)",
        least=2,
    ),
    Function("sign", (number("x"),), INTEGER, ("CAST(sign({0}) AS BIGINT)",), "-1, 0 or 1.", "sign(profit)", least=1),
    Function(
        "isnan", (number("x"),), BOOLEAN, ("isnan({0})",), "Whether x is not a number, as NaN is.", "isnan(x)", least=1
    ),
    Function(
        "isfinite",
        (number("x"),),
        BOOLEAN,
        ("isfinite({0})",),
        "Whether x is neither infinite nor NaN.",
        "isfinite(x)",
        least=1,
    ),
)
