"""Ids of things that there are, in place of made-up ones, and requests that are known to be allowed."""

import json
import random
import re
from typing import Any
from urllib.parse import parse_qsl

from schemathesis.core import NOT_SET

from .openapi_callers import Callers, rule_of

_NAME = re.compile(r"\{(\w+)\}")
# So often a made-up body gives way to the one that is known to be allowed, as it is or with members of the made-up one.
KNOWN_BODY = 0.25
# How long somebody waits for a task, and what a training may take.
LONGEST = {"wait": 0.2, "budget_seconds": 5}
# What learns for a minute unless it is told otherwise.
TRAINING = "models_train"

Form = tuple[str, bytes] | None


class Filler:
    """For one case of an operation."""

    def __init__(self, callers: Callers, operation: str, rng: random.Random) -> None:
        self._callers, self._operation, self._rng = callers, operation, rng
        self._rule = rule_of(operation)

    def fill(self, case: Any, part: float) -> None:
        """Put what there is where the names say so, in a part of the cases, and bound what takes long."""
        for name in list(case.path_parameters):
            if self._rng.random() < part:
                case.path_parameters[name] = self._place(name, case.path_parameters[name])
        case.query = {name: self._value(name, value, part) for name, value in case.query.items()}
        if self._rng.random() < KNOWN_BODY and isinstance(self._rule.body, dict) and isinstance(case.body, dict):
            case.body = self._mixed(case.body)
        elif case.body is not NOT_SET:
            case.body = self._value("", case.body, part)
        if self._operation == TRAINING and isinstance(case.body, dict):
            case.body.setdefault("budget_seconds", LONGEST["budget_seconds"])

    def known(self, operation: Any) -> tuple[Any, Form]:
        """The request of the table of rules; where its body is no JSON, that body beside the case."""
        places = {name: self._place(name, name) for name in _NAME.findall(operation.path)}
        query = dict(parse_qsl(self._text(self._rule.query.removeprefix("?")), keep_blank_values=True))
        self._callers.look(self._operation, self._rule.needs)
        if isinstance(self._rule.body, dict):
            body = self._body()
            return operation.Case(path_parameters=places, query=query, body=body, media_type=self._rule.kind), None
        case = operation.Case(path_parameters=places, query=query)
        if not isinstance(self._rule.body, bytes):
            return case, None
        return case, (self._rule.kind, self._text(self._rule.body.decode("latin-1")).encode("latin-1"))

    def _mixed(self, made: dict[str, Any]) -> dict[str, Any]:
        body = self._body()
        for name in self._rng.sample(sorted(made, key=str), min(len(made), self._rng.randrange(3))):
            body[name] = self._value(name, made[name], 0.5)
        return body

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._text(json.dumps(self._rule.body)))
        return found

    def _place(self, name: str, otherwise: Any) -> Any:
        if name in self._rule.path:
            return self._text(self._rule.path[name])
        return self._callers.look(self._operation, name) or otherwise

    def _text(self, text: str) -> str:
        """With the names in braces filled in."""
        return _NAME.sub(lambda found: self._callers.look(self._operation, found[1]) or found[1], text)

    def _value(self, name: str, value: Any, part: float) -> Any:
        if isinstance(value, dict):
            return {key: self._value(key, member, part) for key, member in value.items()}
        if isinstance(value, list):
            return [self._value(name.removesuffix("s"), member, part) for member in value]
        if name in LONGEST and isinstance(value, int | float):
            return min(value, LONGEST[name])
        if name.endswith("_id") and isinstance(value, str) and self._rng.random() < part:
            return self._callers.look(self._operation, name) or value
        return value
