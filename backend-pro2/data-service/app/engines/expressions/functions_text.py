"""Functions of texts. Positions count letters from 1. Patterns are RE2's, which take linear time."""

from shared.tabular.types import BOOLEAN, INTEGER, STRING

from .signatures import ANY, Function, Parameter, integer, pattern, small, text

# Padding beyond this would let one short expression fill the memory.
MAX_WIDTH = 10_000
_ANYTHING = Parameter("x", ANY, read_as=STRING)


def _one(name: str, description: str, *, returns: str = STRING) -> Function:
    return Function(name, (text("text"),), returns, (f"{name}({{0}})",), description, f"{name}(name)", least=1)


def _trim(name: str, where: str) -> Function:
    description = f"The text without white space, or without the given letters, {where}."
    parameters = (text("text"), text("letters"))
    spaces = r"' ' || chr(9) || chr(10) || chr(13)"
    templates = (f"{name}({{0}}, {spaces})", f"{name}({{0}}, {{1}})")
    return Function(name, parameters, STRING, templates, description, f"{name}(name)", least=1)


def _search(name: str, description: str, sql: str) -> Function:
    parameters = (text("text"), text("part"))
    return Function(name, parameters, BOOLEAN, (sql,), description, f"{name}(name, 'a')", least=2)


def _end(name: str, description: str) -> Function:
    parameters = (text("text"), integer("letters"))
    return Function(name, parameters, STRING, (f"{name}({{0}}, {{1}})",), description, f"{name}(code, 3)", least=2)


def _pad(name: str, where: str) -> Function:
    parameters = (text("text"), small("width", MAX_WIDTH), text("fill"))
    templates = (f"{name}({{0}}, {{1}}, ' ')", f"{name}({{0}}, {{1}}, coalesce(nullif({{2}}, ''), ' '))")
    description = f"The text filled up {where}, or cut, to a width of at most {MAX_WIDTH} letters."
    return Function(name, parameters, STRING, templates, description, f"{name}(code, 8, '0')", least=2)


FUNCTIONS = (
    _one("length", "The number of letters.", returns=INTEGER),
    _one("lower", "The text in small letters."),
    _one("upper", "The text in capital letters."),
    _one("reverse", "The text backwards."),
    _trim("trim", "at both ends"),
    _trim("ltrim", "at its beginning"),
    _trim("rtrim", "at its end"),
    Function(
        "substr",
        (text("text"), integer("start"), integer("letters")),
        STRING,
        ("substr({0}, {1})", "substr({0}, {1}, {2})"),
        "The part from a position on, of so many letters or to the end; negative positions count from the end.",
        "substr(code, 2, 3)",
        least=2,
    ),
    _end("left", "The first letters; with a negative number all but so many at the end."),
    _end("right", "The last letters; with a negative number all but so many at the beginning."),
    _pad("lpad", "at its beginning"),
    _pad("rpad", "at its end"),
    Function(
        "replace",
        (text("text"), text("old"), text("new")),
        STRING,
        ("replace({0}, {1}, {2})",),
        "The text with every `old` turned into `new`.",
        "replace(phone, ' ', '')",
        least=3,
    ),
    Function(
        "concat",
        (_ANYTHING,),
        STRING,
        ("concat({all})",),
        "All values as one text; nulls are left out, unlike with ||.",
        "concat(first_name, ' ', last_name)",
        least=1,
        repeats=True,
    ),
    _search("contains", "Whether the part occurs in the text.", "contains({0}, {1})"),
    _search("starts_with", "Whether the text begins with the part.", "starts_with({0}, {1})"),
    _search("ends_with", "Whether the text ends with the part.", "ends_with({0}, {1})"),
    Function(
        "position",
        (text("text"), text("part")),
        INTEGER,
        ("instr({0}, {1})",),
        "Where the part first occurs, or 0.",
        "position(email, '@')",
        least=2,
    ),
    Function(
        "split_part",
        (text("text"), text("separator"), small("number", 1000)),
        STRING,
        ("split_part({0}, {1}, greatest(1, {2}))",),
        "The part of that number, from 1, between separators; '' where there are fewer.",
        "split_part(email, '@', 2)",
        least=3,
    ),
    Function(
        "regexp_matches",
        (text("text"), pattern()),
        BOOLEAN,
        ("regexp_matches({0}, {1})",),
        "Whether the pattern occurs in the text.",
        "regexp_matches(code, '^[A-Z]{3}')",
        least=2,
    ),
    Function(
        "regexp_extract",
        (text("text"), pattern(), small("group", 9)),
        STRING,
        ("nullif(regexp_extract({0}, {1}), '')", "nullif(regexp_extract({0}, {1}, {2}), '')"),
        "What the pattern, or its group of that number, matches first; null where it does not, or matches nothing.",
        "regexp_extract(code, '([0-9]+)', 1)",
        least=2,
    ),
    Function(
        "regexp_replace",
        (text("text"), pattern(), Parameter("new", frozenset({STRING}), read_as=STRING)),
        STRING,
        ("regexp_replace({0}, {1}, {2}, 'g')",),
        r"The text with every match turned into `new`, in which \1 stands for the first group.",
        "regexp_replace(phone, '[^0-9]', '')",
        least=3,
    ),
)
