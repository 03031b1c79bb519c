"""What the worker does with a question: plan, execute, mend at most twice, and write an answer whose numbers hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.tasks import TaskFailed, TaskRun
from shared.version import VERSION

from ..engines.grounding import Grounded, GroundingStream, ground
from ..engines.grounding.cleaning import clean
from ..repositories import results
from ..repositories.analyses import ASK
from ..repositories.results import Result
from . import ask_deltas
from .ask_execution import Refused, execute
from .ask_plans import Plan, UnreadablePlan, read_plan
from .ask_prompts import answer_messages, plan_messages
from .ask_results import Executed
from .conversations import Told, history, keep_turn
from .fingerprints import fingerprint, hashes_of
from .glossary import terms_for
from .hypotheses import note_tests
from .llm_calls import llm_calls_of
from .llm_context import Context, context_of
from .llm_policies import policy_of
from .llm_prompts import repair_messages
from .llm_replies import MOST_REPAIRS
from .llm_work import LlmWork
from .verified_queries import SimilarQuery, similar

PLAN_TOKENS = 1024
ANSWER_TOKENS = 1024
ANSWER_CHARACTERS = 20_000
DETAIL_CHARACTERS = 500
STEPS = 4
NOTHING_SAID = "The result is in the tables."


@dataclass(slots=True)
class _Question:
    """What was asked, and what the model is told before it plans."""

    text: str
    conversation_id: UUID | None
    context: Context
    earlier: Sequence[Told]
    accepted: Sequence[SimilarQuery]


@dataclass(slots=True)
class _Work(LlmWork):
    """One run of a question, and how many pieces of it were told."""

    question: _Question = field(kw_only=True)
    pieces: int = 0

    async def tell(self, text: str) -> None:
        """Give out a piece of the answer to whoever follows."""
        if text:
            self.pieces += 1
            await ask_deltas.publish(self.run.resources.redis, self.run.task.id, self.pieces, text)

    async def tell_step(self, event: ask_deltas.StepName, data: Mapping[str, Any]) -> None:
        """Give out a query or a table."""
        self.pieces += 1
        await ask_deltas.publish_step(self.run.resources.redis, self.run.task.id, self.pieces, event, data)


async def run_ask(run: TaskRun) -> None:
    """Answer a question.

    Raises:
        TaskFailed: `ask_failed`, no plan of the model could be carried out; what LlmCalls.complete raises.
        NotFound, Conflict: a dataset cannot be used any more.
    """
    question = await _read(run)
    work = _Work(run, llm_calls_of(run.resources), question.context.level, question=question)
    await run.progress(0, STEPS, "Planning")
    plan, executed = await _executed(work)
    await run.progress(STEPS - 1, STEPS, "Answering")
    if plan.words is not None:
        found = ground(clean(plan.words)[:ANSWER_CHARACTERS], [])
        said = "The model asks back." if not plan.refuses else "The model says that the datasets cannot answer this."
        work.warn("refused" if plan.refuses else "needs_clarification", said)
        await work.tell(found.answer)
    else:
        found = await _answered(work, executed)
    await _keep(work, executed, found)


async def _read(run: TaskRun) -> _Question:
    task, settings = run.task, run.resources.settings
    if task.created_by is None:
        raise TaskFailed("ask_failed", "Whoever asked has left.")
    dataset_ids = [UUID(text) for text in task.params["dataset_ids"]]
    named = task.params.get("conversation_id")
    conversation_id = None if named is None else UUID(named)
    async with run.resources.database.transaction() as session:
        level = await policy_of(session, settings, task.project_id)
        context = await context_of(session, task.project_id, dataset_ids, level)
        terms = await terms_for(session, task.project_id, dataset_ids, context.hidden)
        context = Context(level, context.tables, [_told_term(context, dict(term)) for term in terms])
        text = task.params["question"]
        accepted = await similar(session, task.project_id, text, dataset_ids, hidden=context.hidden)
        earlier: list[Told] = []
        if conversation_id is not None:
            earlier = await history(session, conversation_id, task.created_by, level, context.hidden)
    return _Question(text, conversation_id, context, earlier, accepted)


def _told_term(context: Context, term: Mapping[str, Any]) -> dict[str, Any]:
    """A term with the name of its table instead of its id."""
    names = {table.dataset_id: table.name for table in context.tables}
    told = {name: term[name] for name in ("name", "definition", "expression") if term.get(name)}
    return told | ({"table": names[term["dataset_id"]]} if term.get("dataset_id") in names else {})


async def _executed(work: _Work) -> tuple[Plan, Executed]:
    """The first plan that can be carried out, and its results."""
    question = work.question
    messages = plan_messages(question.context, question.text, question.earlier, question.accepted)
    for attempt in range(MOST_REPAIRS + 1):
        said = await work.complete("repair" if attempt else "plan", messages, PLAN_TOKENS)
        try:
            plan = read_plan(said.text)
            return plan, await _carried_out(work, plan)
        except UnreadablePlan as error:
            failure = Refused("unreadable_plan", str(error))
        except Refused as error:
            failure = error
        await work.run.log(f"Attempt {attempt + 1} failed: {failure.code}")
        messages = repair_messages(messages, said.text, {"code": failure.code, "message": failure.message})
    raise TaskFailed("ask_failed", _failed(failure))


async def _carried_out(work: _Work, plan: Plan) -> Executed:
    if plan.words is not None:
        return Executed()
    await work.run.progress(1, STEPS, "Executing")
    executed = await execute(work.run, work.question.context, plan)
    for sql in executed.sql:
        await work.tell_step("sql", {"sql": sql})
    for table in executed.tables:
        await work.tell_step("table", table.as_result())
    return executed


def _failed(failure: Refused) -> str:
    """What the asker is told: the last error, without anything that could be taken for markup."""
    reason = " ".join(clean(failure.message).split())[:DETAIL_CHARACTERS]
    tries = MOST_REPAIRS + 1
    return f"None of {tries} plans of the model could be carried out; the last failed with {failure.code}: {reason}"


async def _answered(work: _Work, executed: Executed) -> Grounded:
    """The answer of the model, held against the results while it is being written."""
    evidence = [table.as_evidence() for table in executed.tables]
    told = [table.told(work.question.context.level) for table in executed.tables]
    # Its index of a large result takes a while.
    stream = await asyncio.to_thread(GroundingStream, evidence)
    taken = 0

    async def on_text(piece: str) -> None:
        nonlocal taken
        piece = piece[: max(0, ANSWER_CHARACTERS - taken)]
        taken += len(piece)
        await work.tell(stream.feed(piece))

    said = await work.complete(
        "answer", answer_messages(work.question.text, executed.sql, told), ANSWER_TOKENS, on_text
    )
    await work.tell(stream.end())
    if len(said.text) > ANSWER_CHARACTERS or said.finish_reason == "length":
        work.warn("answer_cut", "The model's answer was longer than it may be; the rest is left out.")
    found = stream.grounded
    if not found.answer.strip():
        work.warn("no_answer", "The model wrote no answer; the tables hold what was found.")
        await work.tell(NOTHING_SAID)
        return Grounded(NOTHING_SAID, [], NOTHING_SAID)
    return found


async def _keep(work: _Work, executed: Executed, found: Grounded) -> None:
    run, question = work.run, work.question
    work.warn_of_struck(found.struck, "the answer cannot be found in the results")
    summary = {
        "conversation_id": None if question.conversation_id is None else str(question.conversation_id),
        "question": question.text,
        "answer": found.answer,
        "sql": executed.sql,
        "claims": [claim.as_json() for claim in found.claims],
        "usage": work.usage,
    }
    tables = [table.as_result() for table in executed.tables]
    parts: dict[str, Any] = {"summary": summary, "tables": tables, "charts": executed.charts}
    parts["warnings"] = [*executed.warnings, *work.warnings]
    manifest = {**_manifest(work, executed), "hashes": hashes_of(parts)}
    result = Result(run.task.id, ASK, artifacts=[], manifest=manifest, **parts)
    short = {name: summary[name] for name in ("conversation_id", "answer", "sql", "usage")}
    async with run.commit({"type": ASK, "summary": short, "warnings": result.warnings}) as session:
        if executed.analysis is not None:
            result.warnings.extend(
                await note_tests(session, executed.analysis["dataset_id"], _as_analysis(run, executed.analysis))
            )
        await results.insert(session, result)
        if question.conversation_id is not None:
            await keep_turn(session, run.task, found.answer, found.retold, executed.sql)


def _as_analysis(run: TaskRun, made: Mapping[str, Any]) -> Result:
    """The analysis within a question as a result of its own, for the ledger of hypotheses."""
    answer = made["answer"]
    manifest = {"params": made["parameters"], "sha256": made["sha256"], "version": made["version"]}
    return Result(run.task.id, made["type"], answer["summary"], answer["tables"], [], [], [], manifest)


def _manifest(work: _Work, executed: Executed) -> dict[str, Any]:
    tables = work.question.context.tables
    datasets = [
        {"dataset_id": str(table.dataset_id), "name": table.name, "version": table.version, "sha256": table.sha256}
        for table in tables
    ]
    only = tables[0] if len(tables) == 1 else None
    analysis = executed.analysis
    return {
        "dataset_id": str(only.dataset_id) if only else None,
        "version": only.version if only else None,
        "sha256": only.sha256 if only else fingerprint([each["sha256"] for each in datasets]),
        "params": {"analysis": {name: analysis[name] for name in ("type", "parameters")}} if analysis else {},
        "seed": 0,
        "code_version": VERSION,
        "libraries": analysis["answer"]["libraries"] if analysis else {},
        "executor": "local",
        "took_ms": round((time.monotonic() - work.started) * 1000),
        "ask": {
            "datasets": datasets,
            "sql": [{"sql": sql, "sha256": fingerprint(sql)} for sql in executed.sql],
            "model": work.run.resources.settings.openai_model,
            "policy": str(work.question.context.level),
            "replies": work.replies,
        },
    }
