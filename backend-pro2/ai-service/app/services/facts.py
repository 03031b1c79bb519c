"""Facts: figures computed here, each with an id, that a model may speak of and that its words are held against."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..engines.grounding import GroundTable, ground
from .llm_context import as_data

MOST_FACTS = 300
MOST_CHARACTERS = 20_000
WITHHELD = "withheld"
_KEYS = ("about", "with")
_MEASURE = re.compile(r"[^\W\d]\w{0,60}")
_ID = r"f\d{1,4}"
_REFERENCE = re.compile(rf"\{{{{?\s*({_ID})\s*(?:[.\[][^{{}}|\n]{{0,80}})?(?:\|\s*([0-6]%?|%)\s*)?\}}\}}?")
_CITED = re.compile(rf"[ \t]*[\[(]\s*{_ID}(?:\s*[,;]\s*{_ID})*\s*[\])]")


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with a name. `about` are the columns or values whose it is; untold ones leave by their name alone."""

    name: str
    value: Any
    measure: str = "value"
    about: Sequence[str] = ()
    is_told: bool = True
    id: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fact as the API shows it."""
        return {"id": self.id, "name": self.name, "value": self.value}

    def told(self) -> dict[str, Any]:
        """As much of it as may leave."""
        return {"name": self.name, "value": self.value if self.is_told else WITHHELD}

    @property
    def column(self) -> str:
        """The name of the value where the fact is evidence: what it measures, since that says how it may be read."""
        return self.measure if _MEASURE.fullmatch(self.measure) and self.measure not in _KEYS else "value"

    def as_evidence(self, names: Sequence[str]) -> GroundTable:
        """The fact as a text is held against it, so that a figure of one column is none of another."""
        about = list(self.about[: len(_KEYS)])
        columns = [*_KEYS[: len(about)], self.column]
        return GroundTable(name=self.id, columns=columns, rows=[[*about, self.value]], names=names)


@dataclass(frozen=True, slots=True)
class Held:
    """A text of which every number is that of a fact, or marked; `used` are the facts that it rests on."""

    text: str
    claims: list[dict[str, Any]]
    used: list[str]
    struck: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts by their ids; `names` are those of columns, whose digits are no numbers."""

    by_id: Mapping[str, Fact] = field(default_factory=dict)
    names: Sequence[str] = ()

    @classmethod
    def of(cls, found: Iterable[Fact], names: Sequence[str]) -> Facts:
        """The first of them, as many as fit into a prompt, with ids."""
        kept: dict[str, Fact] = {}
        size = 0
        for number, fact in enumerate(found, start=1):
            size += len(as_data(fact.told())) + 10
            if number > MOST_FACTS or size > MOST_CHARACTERS:
                break
            kept[f"f{number}"] = replace(fact, id=f"f{number}")
        return cls(kept, names)

    def told(self) -> dict[str, Any]:
        """All of them as the model is told."""
        return {name: fact.told() for name, fact in self.by_id.items()}

    def shown(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Those of these ids that there are, as the API shows them."""
        return [self.by_id[name].as_json() for name in dict.fromkeys(ids) if name in self.by_id]

    def as_table(self) -> dict[str, Any]:
        """All of them as a table of a result."""
        rows = [[fact.id, fact.name, fact.value] for fact in self.by_id.values()]
        return {"name": "facts", "columns": ["id", "name", "value"], "rows": rows}

    def cited_in(self, text: str) -> list[str]:
        """Ids of facts that a text refers to."""
        marks = [*_REFERENCE.finditer(text), *_CITED.finditer(text)]
        found = (name for mark in marks for name in re.findall(_ID, mark[0]))
        return [name for name in dict.fromkeys(found) if name in self.by_id]

    def hold(self, text: str, ids: Collection[str]) -> Held:
        """The text with its references filled in, and what is in none of these facts struck."""
        evidence = [fact.as_evidence(self.names) for name, fact in self.by_id.items() if name in ids]
        found = ground(_CITED.sub("", _REFERENCE.sub(self._addressed, text)), evidence)
        claims = [_claim(claim.as_json()) for claim in found.claims]
        used = [claim["fact"] for claim in claims if claim["fact"]]
        return Held(found.answer, claims, list(dict.fromkeys(used)), found.struck)

    def _addressed(self, found: re.Match[str]) -> str:
        fact = self.by_id.get(found[1])
        if fact is None:
            return f"{{{{{found[1]}}}}}"
        form = f"|{found[2]}" if found[2] else ""
        return f"{{{{{fact.id}[0].{fact.column}{form}}}}}"


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    cell = claim["cell"]
    fact = None if cell is None else cell["table"]
    return {"text": claim["text"], "value": claim["value"], "fact": fact, "status": claim["status"]}
