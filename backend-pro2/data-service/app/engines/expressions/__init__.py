"""Expressions over the columns of a table: SQL's scalar syntax, read by our own parser and written anew for DuckDB.

By rising strength: or; and; not; is [not] null, true, false, distinct from; = <> != < <= > >= (no chains);
[not] in (…), between … and …, like and ilike … [escape …]; ||; + -; * / %; signs. Values: columns, bare or
"in double quotes"; numbers; 'texts'; true, false, null; date '2024-01-31'; timestamp '2024-01-31 12:30:00';
case [x] when … then … else … end; cast(x as type) and try_cast; the functions of FUNCTIONS. Nothing else parses.

Numbers are computed as 64-bit integers or doubles; / gives a double. Dividing by zero, and what a function has no
result for, is null. An integer that outgrows 64 bits, and a cast that does not fit, is an error when it runs.
"""

from .compiler import Compiled, compile_expression
from .functions import FUNCTIONS

__all__ = ["FUNCTIONS", "Compiled", "compile_expression"]
