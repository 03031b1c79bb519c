"""What a statement of SQL is called in a trace: what it does to which table, and never its text."""

import re
from functools import lru_cache

from .spans import CLIENT, CURRENT, NOTHING, Span

DATABASE = {"db.system.name": "postgresql"}
# Ours are some hundreds, all of them constants.
_KEPT = 1024
_OPERATION = re.compile(r"\b(COMMIT|ROLLBACK|SELECT|INSERT|UPDATE|DELETE|COPY|LOCK|SET|TRUNCATE|CREATE|DROP|ALTER)\b")
_WITHIN = re.compile(r"\b(INSERT|UPDATE|DELETE)\b(?!\s+SKIP)")
_NAME = r"([a-z_][a-z0-9_]{0,62})\b"
# What is called like a table behind FROM may be a function.
_TABLE = re.compile(rf"\b(?:(?:INTO|UPDATE)\s+(?:ONLY\s+)?{_NAME}|(?:FROM|JOIN)\s+(?:ONLY\s+)?{_NAME}(?!\s*\())")
_NAMED = re.compile(r"\b([a-z_][a-z0-9_]*)\s+AS\s+(?:NOT\s+MATERIALIZED\s+|MATERIALIZED\s+)?\(")
_LOCKING = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|KEY\s+SHARE|SHARE)\b(?:\s+OF\s+\w+)?(?:\s+SKIP\s+LOCKED)?")
_TEXT = re.compile(r"'(?:[^']|'')*'|--[^\n]*")


def statement_span(sql: str) -> Span:
    """A span for one statement, named like `SELECT datasets`."""
    current = CURRENT.get()
    if current is NOTHING:
        return NOTHING
    name, attributes = described(sql)
    return current.child(name, CLIENT, attributes)


@lru_cache(_KEPT)
def described(sql: str) -> tuple[str, dict[str, str]]:
    """Its name, and its attributes by OpenTelemetry's conventions for databases."""
    plain = _LOCKING.sub("", _TEXT.sub("''", sql))
    operation, table = _operation(plain), _table(plain)
    name = f"{operation} {table}" if table else operation
    attributes = {**DATABASE, "db.operation.name": operation, "db.query.summary": name}
    return name, {**attributes, "db.collection.name": table} if table else attributes


def _operation(sql: str) -> str:
    # A WITH that changes rows is known by what changes them, wherever that stands.
    first = sql.split(None, 1)[0].upper() if sql.strip() else ""
    found = (_WITHIN.search(sql) if first == "WITH" else None) or _OPERATION.search(sql)
    return found.group(1) if found else "SQL"


def _table(sql: str) -> str:
    named = set(_NAMED.findall(sql))
    tables = (changed or read for changed, read in _TABLE.findall(sql))
    return next((table for table in tables if table not in named), "")
