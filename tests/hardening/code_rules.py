"""Rules of security that ruff has no word for, over the syntax trees of our code; each gives the lines that break it."""

import ast
import re
from collections.abc import Callable, Iterator

Found = Iterator[ast.AST]
Rule = Callable[[ast.AST], Found]

# Whoever reads one of these runs what its writer wanted.
RUNS_WHAT_IT_READS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
# Calls that wait for a network, by their last name, and after how many arguments the time limit stands.
WAITS = {"urlopen": 2, "create_connection": 1, "HTTPConnection": 2, "HTTPSConnection": 2, "SMTP": 3, "SMTP_SSL": 5}
TAKES_SQL = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "fetch_value", "fetch_row", "fetch_all", "cursor"}
SQL = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|DROP|ALTER|TRUNCATE|LOCK)\s", re.IGNORECASE)
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


def called(node: ast.AST) -> str:
    """The last name of what is called, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def option(node: ast.Call, name: str) -> ast.expr | None:
    """The argument of this name."""
    return next((word.value for word in node.keywords if word.arg == name), None)


def says(value: ast.expr | None, constant: object) -> bool:
    """Whether an argument is written as this constant."""
    return isinstance(value, ast.Constant) and value.value is constant


def names_of(node: ast.AST) -> list[str]:
    """The modules that an import brings."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def runs_what_it_reads(tree: ast.AST) -> Found:
    """Libraries whose loading of a file is its execution, and numpy's and pandas' doors to them."""
    for node in ast.walk(tree):
        imported = {name.split(".")[0] for name in names_of(node)} & RUNS_WHAT_IT_READS
        opened = isinstance(node, ast.Call) and says(option(node, "allow_pickle"), constant=True)
        if imported or opened or called(node) in {"read_pickle", "to_pickle"}:
            yield node


def compiles_text(tree: ast.AST) -> Found:
    """`eval`, `exec` and `compile` of Python: by their bare names, since Redis and `re` have methods called so."""
    for node in ast.walk(tree):
        bare = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if bare and called(node) in {"eval", "exec", "compile", "__import__"}:
            yield node


def starts_a_shell(tree: ast.AST) -> Found:
    """A command line that a shell reads."""
    for node in ast.walk(tree):
        if called(node) in {"create_subprocess_shell", "subprocess_shell", "popen", "getoutput", "getstatusoutput"}:
            yield node


def waits_for_ever(tree: ast.AST) -> Found:
    """A call into a network without a time limit."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        by_place = len(node.args) > WAITS.get(called(node), 99)
        # A socket that is handed over was connected by somebody who waited no longer than they meant to.
        limited = by_place or option(node, "timeout") is not None or option(node, "sock") is not None
        if called(node) in WAITS and not limited:
            yield node
        if called(node) in {"ClientSession", "AsyncClient", "Client"} and says(option(node, "timeout"), None):
            yield node


def believes_any_server(tree: ast.AST) -> Found:
    """TLS without a look at the certificate."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context"}:
            yield node
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "check_hostname":
            if says(node.value, constant=False):
                yield node
        if isinstance(node, ast.Call):
            named = (option(node, name) for name in ("ssl", "verify", "verify_ssl", "check_hostname"))
            if any(says(value, constant=False) for value in named):
                yield node


def lets_the_token_choose(tree: ast.AST) -> Found:
    """A JSON Web Token read without a written list of one algorithm."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"jwt.decode", "jws.verify", "jwt.get_unverified_claims"}:
            chosen = option(node, "algorithms")
            if not (isinstance(chosen, ast.List) and [getattr(one, "value", "") for one in chosen.elts] == ["HS256"]):
                yield node


def trusts_a_model(tree: ast.AST) -> Found:
    """A model file of skops whose types come from the file itself."""
    for node in ast.walk(tree):
        if called(node) in {"get_untrusted_types"} or (
            isinstance(node, ast.Call) and says(option(node, "trusted"), constant=True)
        ):
            yield node


def composed(node: ast.AST) -> bool:
    """Whether a text is put together when it is run."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    return called(node) in {"format", "join", "replace", "format_map"}


def composes_what_it_executes(tree: ast.AST) -> Found:
    """A statement that is put together in the call that executes it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in TAKES_SQL and node.args and composed(node.args[0]):
            yield node


def puts_values_into_sql(tree: ast.AST) -> Found:
    """SQL in an f-string of a function with something else in it than a constant of the module."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.JoinedStr) and SQL.match(_beginning(node)):
            places = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            if any(not (isinstance(value, ast.Name) and CONSTANT.fullmatch(value.id)) for value in places):
                yield node


def _beginning(text: ast.JoinedStr) -> str:
    first = text.values[0] if text.values else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
