"""Rules of security that ruff has no word for, each about one node of a syntax tree."""

import ast
import re
from collections.abc import Callable

Rule = Callable[[ast.AST], bool]

# Whoever reads one of these runs what its writer wanted.
RUNS_WHAT_IT_READS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
# Calls that wait for a network, by their last name, and after how many arguments the time limit stands.
WAITS = {"urlopen": 2, "create_connection": 1, "HTTPConnection": 2, "HTTPSConnection": 2, "SMTP": 3, "SMTP_SSL": 5}
# Clients that wait as long as the network does unless they are told these, by how they are written.
WANTS = {
    "asyncpg.connect": ("timeout",),
    "asyncpg.create_pool": ("timeout", "command_timeout"),
    # Whatever it takes for its answers it takes for its connections, too.
    "redis.BlockingConnectionPool.from_url": ("timeout", "socket_timeout"),
    "redis.Redis.from_url": ("socket_timeout",),
    "PoolManager": ("timeout",),
}
TAKES_SQL = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "fetch_value", "cursor"}
CLIENTS = {"ClientSession", "AsyncClient", "Client"}
NO_CERTIFICATE = {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context"}
CHECKS = {"ssl", "verify", "verify_ssl", "check_hostname"}
READS_TOKENS = {"jwt.decode", "jws.verify", "jwt.get_unverified_claims"}
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


def runs_what_it_reads(node: ast.AST) -> bool:
    """Libraries whose loading of a file is its execution, and numpy's and pandas' doors to them."""
    imported = {name.split(".")[0] for name in names_of(node)} & RUNS_WHAT_IT_READS
    opened = isinstance(node, ast.Call) and says(option(node, "allow_pickle"), constant=True)
    return bool(imported) or opened or called(node) in {"read_pickle", "to_pickle"}


def compiles_text(node: ast.AST) -> bool:
    """`eval`, `exec` and `compile` of Python: by their bare names, since Redis and `re` have methods called so."""
    bare = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return bare and called(node) in {"eval", "exec", "compile", "__import__"}


def starts_a_shell(node: ast.AST) -> bool:
    """A command line that a shell reads."""
    return called(node) in {"create_subprocess_shell", "subprocess_shell", "popen", "getoutput", "getstatusoutput"}


def waits_for_ever(node: ast.AST) -> bool:
    """A call into a network without a time limit."""
    if not isinstance(node, ast.Call):
        return False
    if called(node) in CLIENTS:
        return says(option(node, "timeout"), None)
    if wanted := WANTS.get(ast.unparse(node.func)):
        return any(option(node, name) is None or says(option(node, name), None) for name in wanted)
    by_place = len(node.args) > WAITS.get(called(node), 0)
    # A socket that is handed over was connected by somebody who waited no longer than they meant to.
    limited = by_place or option(node, "timeout") is not None or option(node, "sock") is not None
    return called(node) in WAITS and not limited


def believes_any_server(node: ast.AST) -> bool:
    """TLS without a look at the certificate."""
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "attr", "") == "check_hostname" and says(node.value, constant=False)
    if isinstance(node, ast.Call):
        return any(one.arg in CHECKS and says(one.value, constant=False) for one in node.keywords)
    return isinstance(node, ast.Attribute) and node.attr in NO_CERTIFICATE


def lets_the_token_choose(node: ast.AST) -> bool:
    """A JSON Web Token read without a written list of one algorithm."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) in READS_TOKENS):
        return False
    chosen = option(node, "algorithms")
    return not (isinstance(chosen, ast.List) and [getattr(one, "value", "") for one in chosen.elts] == ["HS256"])


def trusts_a_model(node: ast.AST) -> bool:
    """A model file of skops whose types come from the file itself."""
    all_of_them = isinstance(node, ast.Call) and says(option(node, "trusted"), constant=True)
    return all_of_them or called(node) == "get_untrusted_types"


def composed(node: ast.AST) -> bool:
    """Whether a text is put together when it is run."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    return called(node) in {"format", "join", "replace", "format_map"}


def composes_what_it_executes(node: ast.AST) -> bool:
    """A statement that is put together in the call that executes it."""
    return isinstance(node, ast.Call) and called(node) in TAKES_SQL and bool(node.args) and composed(node.args[0])


def puts_values_into_sql(node: ast.AST) -> bool:
    """A function that makes SQL by an f-string with something else in it than constants of the module."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    texts = (inner for inner in ast.walk(node) if isinstance(inner, ast.JoinedStr) and SQL.match(_beginning(inner)))
    places = (part.value for text in texts for part in text.values if isinstance(part, ast.FormattedValue))
    return any(not (isinstance(value, ast.Name) and CONSTANT.fullmatch(value.id)) for value in places)


def _beginning(text: ast.JoinedStr) -> str:
    first = text.values[0] if text.values else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
