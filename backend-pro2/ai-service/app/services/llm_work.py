"""One run of a task that asks the LLM: what it has used, what its reader must know, and the result that it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from shared.tasks import TaskFailed, TaskRun
from shared.version import VERSION

from ..repositories import results
from ..repositories.results import Result
from ..schemas.llm_policies import Level
from .fingerprints import hashes_of
from .llm_calls import Completion, LlmCalls
from .llm_prompts import Message, repair_messages
from .llm_replies import MOST_REPAIRS, UnreadableReply

Reply = TypeVar("Reply")


@dataclass(slots=True)
class LlmWork:
    """What a run has used of the LLM under the level of its project."""

    run: TaskRun
    calls: LlmCalls
    level: Level
    started: float = field(default_factory=time.monotonic)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    replies: int = 0
    warnings: list[dict[str, Any]] = field(default_factory=list)

    async def complete(self, purpose: str, messages: Sequence[Message], tokens: int, on_text: Any = None) -> Completion:
        """Ask the model."""
        said = await self.calls.complete(
            self.run, purpose, messages, max_tokens=tokens, on_text=on_text, policy=self.level
        )
        self.tokens_in += said.tokens_in
        self.tokens_out += said.tokens_out
        self.cost += said.cost
        self.replies += 1
        return said

    async def reply(
        self, purpose: str, messages: Sequence[Message], tokens: int, read: Callable[[str], Reply]
    ) -> Reply:
        """What `read` makes of the model's reply; it is asked again, at most twice, where that cannot be read.

        Raises:
            TaskFailed: `unreadable_reply`; what LlmCalls.complete raises.
        """
        for attempt in range(MOST_REPAIRS + 1):
            said = await self.complete("repair" if attempt else purpose, messages, tokens)
            try:
                return read(said.text)
            except UnreadableReply as error:
                failure = str(error)
            await self.run.log(f"Reply {attempt + 1} cannot be read")
            messages = repair_messages(messages, said.text, {"code": "unreadable_reply", "message": failure})
        tries = MOST_REPAIRS + 1
        raise TaskFailed("unreadable_reply", f"None of {tries} replies of the model was of the form asked: {failure}")

    def warn(self, code: str, message: str) -> None:
        """Note something that the reader must know."""
        self.warnings.append({"code": code, "message": message})

    def warn_of_struck(self, struck: int, place: str) -> None:
        """Note how many numbers were marked, if any."""
        if struck:
            numbers = "1 number" if struck == 1 else f"{struck} numbers"
            self.warn("unverified_numbers", f"{numbers} of {place}: [unverified].")

    @property
    def usage(self) -> dict[str, Any]:
        """What was used, as answers show it."""
        return {"tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "cost": float(self.cost)}

    async def keep(
        self, kind: str, summary: Mapping[str, Any], tables: list[dict[str, Any]], source: Mapping[str, Any]
    ) -> None:
        """End the task with a result; `source` are the manifest's dataset_id, version, sha256 and params."""
        parts: dict[str, Any] = {"summary": {**summary, "usage": self.usage}, "tables": tables, "charts": []}
        parts["warnings"] = self.warnings
        manifest = {**self._manifest(), **source, "hashes": hashes_of(parts)}
        result = Result(self.run.task.id, kind, artifacts=[], manifest=manifest, **parts)
        told = {"type": kind, "summary": {"usage": self.usage}, "warnings": self.warnings}
        async with self.run.commit(told) as session:
            await results.insert(session, result)

    def _manifest(self) -> dict[str, Any]:
        return {
            "seed": 0,
            "code_version": VERSION,
            "libraries": {},
            "executor": "local",
            "took_ms": round((time.monotonic() - self.started) * 1000),
            "llm": {
                "model": self.run.resources.settings.openai_model,
                "policy": str(self.level),
                "replies": self.replies,
            },
        }
