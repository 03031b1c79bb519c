"""How deep lists are nested in a type: DuckDB takes twice as long for each level when it reads them from Parquet."""

import re

MAX_LISTS = 8
_MARK = re.compile(r'"(?:[^"]|"")*"|MAP\(|\(|\)|\[\d*\]|,')


def list_depth(duck_type: str) -> int:
    """The most lists and maps inside one another in a DuckDB type."""
    # For each open parenthesis: the deepest of its members so far, and 1 if it is a map's.
    open_: list[list[int]] = []
    depth = 0
    for mark in _MARK.findall(duck_type):
        if mark in ("(", "MAP("):
            open_.append([0, int(mark == "MAP(")])
            depth = 0
        elif mark == "," and open_:
            open_[-1][0] = max(open_[-1][0], depth)
            depth = 0
        elif mark == ")" and open_:
            deepest, own = open_.pop()
            depth = max(deepest, depth) + own
        elif mark.startswith("["):
            depth += 1
    return depth
