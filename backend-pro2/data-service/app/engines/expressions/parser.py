"""A Pratt parser: each operator binds as strongly as in SQL, and every part is checked as it is read."""

from collections.abc import Mapping

from shared.tabular.names import nearest, shown
from shared.tabular.quoting import identifier
from shared.tabular.types import DATE, DATETIME, JSON, STRING

from . import operators
from .failures import refused
from .functions import call
from .nodes import NULL, SQL_TYPES, Node, boolean_node, number_node, text_node, time_node
from .tokens import END, NAME, NUMBER, QUOTED, SYMBOL, TEXT, Token, tokens

MAX_NESTING = 64
MAX_LIST = 1000
_OR, _AND, _NOT, _IS, _COMPARE, _RANGE, _JOIN, _ADD, _MULTIPLY, _SIGN = range(1, 11)
_INFIX = {
    **dict.fromkeys(("=", "<>", "!=", "<", "<=", ">", ">="), _COMPARE),
    "||": _JOIN,
    **dict.fromkeys("+-", _ADD),
    **dict.fromkeys("*/%", _MULTIPLY),
}
_WORDS = {
    "or": _OR,
    "and": _AND,
    "is": _IS,
    **dict.fromkeys(("not", "in", "between", "like", "ilike"), _RANGE),
}
_RESERVED = frozenset(
    {
        *("and", "or", "not", "in", "between", "like", "ilike", "escape", "is", "distinct", "from", "as"),
        *("null", "true", "false", "case", "when", "then", "else", "end"),
    }
)
_ONLY_SCALAR = frozenset(
    {"select", "from", "with", "union", "insert", "update", "delete", "exists", "over", "filter", "distinct"}
)


class Parser:
    """Reads one expression over `columns`, which maps names to the contract's types; `identifiers` maps them to SQL."""

    def __init__(self, text: str, columns: Mapping[str, str], identifiers: Mapping[str, str]) -> None:
        self._tokens = tokens(text)
        self._place = 0
        self._nesting = 0
        self._columns = columns
        self._identifiers = identifiers

    def parse(self) -> Node:
        """The whole text as one expression.

        Raises:
            ComputeError: `invalid_expression`.
        """
        node = self._expression()
        if self._now.kind != END:
            raise self._unexpected("an operator or the end")
        return node

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._now
        self._place += token.kind != END
        return token

    def _accept(self, *words: str) -> bool:
        """Step over the next token if it is one of these keywords or symbols."""
        found = self._now.is_word(*words) or self._now.is_symbol(*words)
        self._place += found
        return found

    def _demand(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected(shown(word))

    def _unexpected(self, wanted: str) -> Exception:
        token = self._now
        if token.is_word(*_ONLY_SCALAR):
            return refused(f"'{token.text.lower()}' is not available: one value per row is computed", token.position)
        found = "the text ends" if token.kind == END else f"there is {shown(token.text)}"
        return refused(f"Expected {wanted}, but {found}", token.position)

    def _expression(self, least: int = 0) -> Node:
        """An expression whose operators bind more strongly than `least`."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise refused(f"The expression is nested more than {MAX_NESTING} levels deep", self._now.position)
        node = self._prefix()
        while (strength := self._strength()) > least:
            node = self._infix(node, strength)
        self._nesting -= 1
        return node

    def _strength(self) -> int:
        token = self._now
        if token.kind == SYMBOL:
            return _INFIX.get(token.text, 0)
        return _WORDS.get(token.text.lower(), 0) if token.kind == NAME and token.text.isascii() else 0

    def _infix(self, left: Node, strength: int) -> Node:
        token = self._take()
        if token.kind == SYMBOL:
            node = operators.binary(token.text, left, self._expression(strength))
            if strength == _COMPARE and self._strength() == _COMPARE:
                raise refused("Comparisons do not chain; write a < b and b < c", self._now.position)
            return node
        match token.text.lower():
            case "or" | "and" as word:
                return self._junction(word, left, strength)
            case "is":
                return self._is(left)
            case "not":
                return operators.negation(self._range(left))
            case _:
                self._place -= 1
                return self._range(left)

    def _junction(self, word: str, left: Node, strength: int) -> Node:
        nodes = [left, self._expression(strength)]
        while self._accept(word):
            nodes.append(self._expression(strength))
        return operators.junction(word.upper(), nodes)

    def _is(self, left: Node) -> Node:
        negated = self._accept("not")
        if self._accept("null"):
            return operators.is_null(left, negated=negated)
        if self._accept("distinct"):
            self._demand("from")
            # The words read the other way round from the operator: "not distinct" is equal.
            return operators.comparison(
                f"IS {'NOT ' if negated else ''}DISTINCT FROM", left, self._expression(_COMPARE)
            )
        for word in ("true", "false"):
            if self._accept(word):
                return operators.is_truth(left, word.upper(), negated=negated)
        raise self._unexpected("null, true, false or distinct from")

    def _range(self, left: Node) -> Node:
        if self._accept("in"):
            self._demand("(")
            return operators.among(left, self._list())
        if self._accept("between"):
            low = self._expression(_RANGE)
            self._demand("and")
            return operators.between(left, low, self._expression(_RANGE))
        for word in ("like", "ilike"):
            if self._accept(word):
                pattern = self._expression(_RANGE)
                return operators.like(word.upper(), left, pattern, self._escape())
        raise self._unexpected("in, between, like or ilike")

    def _escape(self) -> str | None:
        if not self._accept("escape"):
            return None
        if self._now.kind != TEXT:
            raise self._unexpected("the escaping sign between ' signs")
        return self._take().text

    def _list(self) -> list[Node]:
        """What stands between an opening parenthesis, already read, and the closing one."""
        items = [self._expression()]
        while self._accept(","):
            items.append(self._expression())
            if len(items) > MAX_LIST:
                raise refused(f"A list has at most {MAX_LIST} values", self._now.position)
        self._demand(")")
        return items

    def _prefix(self) -> Node:
        token = self._take()
        match token.kind:
            case "number":
                return number_node(token.text, token.position)
            case "text":
                return text_node(token.text, token.position)
            case "quoted":
                return self._column(token)
            case "name":
                return self._word(token)
            case "symbol":
                return self._sign(token)
        raise self._unexpected("a value")

    def _sign(self, token: Token) -> Node:
        if token.text == "(":
            node = self._expression()
            self._demand(")")
            return node
        if token.text == "-" and self._now.kind == NUMBER:
            return number_node(f"-{self._take().text}", token.position)
        if token.text == "-":
            return operators.negative(self._expression(_SIGN))
        if token.text == "+":
            return self._expression(_SIGN)
        if token.text == "*":
            raise refused("The * for all columns is not available", token.position)
        self._place -= 1
        raise self._unexpected("a value")

    def _word(self, token: Token) -> Node:
        word = token.text.lower() if token.text.isascii() else ""
        if word in {"cast", "try_cast"} and self._now.is_symbol("("):
            return self._cast(forgiving=word == "try_cast")
        if word in {"date", "timestamp", "datetime"} and self._now.kind == TEXT:
            return time_node(DATE if word == "date" else DATETIME, self._take().text, token.position)
        if word in _RESERVED:
            return self._keyword(word, token)
        if self._accept("("):
            return self._call(token)
        return self._column(token)

    def _keyword(self, word: str, token: Token) -> Node:
        match word:
            case "null":
                return Node("NULL", NULL, token.position)
            case "true" | "false":
                return boolean_node(word == "true", token.position)
            case "not":
                return operators.negation(self._expression(_NOT))
            case "case":
                return self._case(token)
        self._place -= 1
        raise self._unexpected(f'a value (a column called {word} is written "{word}")')

    def _call(self, token: Token) -> Node:
        if self._now.is_word("select", "with", "from", "values"):
            raise self._unexpected("a value")
        arguments = [] if self._accept(")") else self._list()
        return call(token.text, arguments, token.position)

    def _cast(self, *, forgiving: bool) -> Node:
        self._demand("(")
        node = self._expression()
        self._demand("as")
        name = self._take()
        if name.kind != NAME:
            raise refused(f"Types are {', '.join(SQL_TYPES)}", name.position)
        self._demand(")")
        return operators.cast(node, name.text, forgiving=forgiving, position=name.position)

    def _case(self, token: Token) -> Node:
        subject = None if self._now.is_word("when") else self._expression()
        keys: list[Node] = []
        values: list[Node] = []
        while self._accept("when"):
            keys.append(self._expression())
            self._demand("then")
            values.append(self._expression())
        if not keys:
            raise self._unexpected("'when'")
        values.append(self._expression() if self._accept("else") else Node("NULL", NULL, token.position))
        self._demand("end")
        if subject is None:
            return operators.case(keys, values, token.position)
        return operators.simple_case(subject, keys, values, token.position)

    def _column(self, token: Token) -> Node:
        name = self._known(token)
        kind = self._columns[name]
        column = identifier(self._identifiers.get(name, name))
        # Narrow integers would overflow early and decimals round late; everything is computed in 64 bits.
        sql = column if kind == JSON else f"CAST({column} AS {SQL_TYPES.get(kind, SQL_TYPES[STRING])})"
        return Node(sql, kind, token.position, frozenset({name}))

    def _known(self, token: Token) -> str:
        """The column that the token names: exactly, or the only one when case is ignored."""
        if token.text in self._columns:
            return token.text
        found = [name for name in self._columns if name.lower() == token.text.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise refused(f"{shown(token.text)} could be several columns; write it exactly", token.position)
        if token.kind == NAME and token.is_word(*_ONLY_SCALAR):
            self._place -= 1
            raise self._unexpected("a value")
        hint = nearest(token.text, self._columns) if token.kind in {NAME, QUOTED} else ""
        raise refused(f"There is no column {shown(token.text)}.{hint}".rstrip("."), token.position)
