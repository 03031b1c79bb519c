"""Rules of a dataset: kept, suggested, checked, and the gate that they may close."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, Invalid, NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.scratch import scratch

from ..engines.quality.suggest import suggest
from ..repositories import datasets, quality
from ..repositories.quality import Gate, NewRule, Run, StoredRule
from ..schemas.quality import RuleBody
from .datasets import Datasets, hold, visible
from .quality_checks import MAX_RULES, MAX_RULES_BYTES, quality_job, record
from .ready_events import announce_change, version_in_use


class Quality:
    """Use cases of `/manage/datasets/{id}/quality`."""

    def __init__(self, resources: Resources, datasets: Datasets) -> None:
        self._resources = resources
        self._database = resources.database
        self._datasets = datasets

    async def page(self, dataset_id: UUID, user_id: UUID, *, after: UUID | None, limit: int) -> Sequence[StoredRule]:
        """Rules of the dataset, oldest first.

        Raises:
            NotFound: the dataset.
        """
        async with self._database.transaction(read_only=True) as session:
            await visible(session, dataset_id, user_id)
            return await quality.page(session, dataset_id, user_id, after=after, limit=limit)

    async def create(self, dataset_id: UUID, user_id: UUID, body: RuleBody) -> StoredRule:
        """Add a rule; versions from now on are checked against it.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            Invalid: `unknown_dataset`, a foreign key to what the project does not have.
            Conflict: `too_many_rules`.
        """
        new = _stored(body)
        rule_id = new_id()
        async with self._database.transaction() as session:
            held = await hold(session, dataset_id, user_id, None)
            await _check_parent(session, new.rule, held.project_id, user_id)
            if await quality.count(session, dataset_id) >= MAX_RULES:
                raise Conflict(f"A dataset may have {MAX_RULES} rules. Remove some first.", code="too_many_rules")
            await quality.insert(session, rule_id, dataset_id, new, user_id)
            await _require_room(session, dataset_id)
            made = await _rule(session, dataset_id, rule_id, user_id)
            await keep_answer(session, made)
        return made

    async def replace(self, dataset_id: UUID, rule_id: UUID, user_id: UUID, body: RuleBody) -> StoredRule:
        """Put another rule in the place of one.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset or the rule.
            Invalid: `unknown_dataset`. Conflict: `too_many_rules`.
        """
        new = _stored(body)
        async with self._database.transaction() as session:
            held = await hold(session, dataset_id, user_id, None)
            await _check_parent(session, new.rule, held.project_id, user_id)
            if not await quality.update(session, dataset_id, rule_id, new):
                raise NotFound
            await _require_room(session, dataset_id)
            return await _rule(session, dataset_id, rule_id, user_id)

    async def remove(self, dataset_id: UUID, rule_id: UUID, user_id: UUID) -> None:
        """Remove a rule; judgements that it took part in stay.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset or the rule.
        """
        async with self._database.transaction() as session:
            await hold(session, dataset_id, user_id, None)
            if not await quality.delete(session, dataset_id, rule_id):
                raise NotFound

    async def suggest(self, dataset_id: UUID, user_id: UUID, number: int | None) -> Mapping[str, Any]:
        """Rules that a version satisfies, from its profile.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`.
        """
        version = await self._datasets.version(dataset_id, user_id, number)
        profile = await self._datasets.profile(dataset_id, user_id, version.version)
        return {"version": version.version, "items": suggest(profile)}

    async def run(self, dataset_id: UUID, user_id: UUID, number: int | None) -> Run:
        """Check a version now, against the rules as they stand, and judge it by that.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `no_rules`.
            RequestTimeout: `query_timeout`.
        """
        async with self._database.transaction(read_only=True) as session:
            dataset = await visible(session, dataset_id, user_id)
            await require_project(session, dataset.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
        version = await self._datasets.version(dataset_id, user_id, number)
        rules = await quality_job(self._resources, version.project_id, dataset_id)
        if rules is None:
            raise Conflict("The dataset has no active rules. Add some, or ask for suggestions.", code="no_rules")
        async with scratch(self._resources.settings.cache_dir) as folder:
            job = {**rules, "scratch": str(folder)}
            answer = await self._datasets.compute(version, user_id, "quality.checks:run", job)
        async with self._database.transaction() as session:
            await hold(session, dataset_id, user_id, None)
            before = await version_in_use(session, dataset_id)
            made = await record(session, dataset_id, version.version, answer, user_id)
            await announce_change(session, dataset_id, before)
            found = await quality.runs(session, dataset_id, user_id, version=version.version, before=None, limit=1)
            assert found[0].id == made.id  # noqa: S101 - the dataset is held, so the newest run is ours
            await keep_answer(session, found[0])
        return found[0]

    async def runs(
        self, dataset_id: UUID, user_id: UUID, *, version: int | None, before: UUID | None, limit: int
    ) -> Sequence[Run]:
        """Checks, newest first.

        Raises:
            NotFound: the dataset.
        """
        async with self._database.transaction(read_only=True) as session:
            await visible(session, dataset_id, user_id)
            return await quality.runs(session, dataset_id, user_id, version=version, before=before, limit=limit)

    async def gate(self, dataset_id: UUID, user_id: UUID) -> Gate:
        """Whether versions that fail are kept from use, and which are.

        Raises:
            NotFound: the dataset.
        """
        async with self._database.transaction(read_only=True) as session:
            await visible(session, dataset_id, user_id)
            return await _gate(session, dataset_id)

    async def set_gate(self, dataset_id: UUID, user_id: UUID, *, enabled: bool) -> Gate:
        """Close or open the gate; versions judged before are blocked or released at once.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
        """
        async with self._database.transaction() as session:
            await hold(session, dataset_id, user_id, None)
            before = await version_in_use(session, dataset_id)
            await quality.set_gate(session, dataset_id, enabled=enabled)
            await quality.choose_current(session, dataset_id)
            await announce_change(session, dataset_id, before)
            return await _gate(session, dataset_id)


def _stored(body: RuleBody) -> NewRule:
    return NewRule(body.rule.model_dump(mode="json", exclude_none=True), body.severity, body.is_active)


async def _rule(session: Session, dataset_id: UUID, rule_id: UUID, user_id: UUID) -> StoredRule:
    rule = await quality.visible(session, dataset_id, rule_id, user_id)
    if rule is None:
        raise NotFound
    return rule


async def _gate(session: Session, dataset_id: UUID) -> Gate:
    gate = await quality.gate(session, dataset_id)
    if gate is None:
        raise NotFound
    return gate


async def _require_room(session: Session, dataset_id: UUID) -> None:
    if await quality.size(session, dataset_id) > MAX_RULES_BYTES:
        detail = f"The rules of a dataset may take {MAX_RULES_BYTES} bytes as JSON. Shorten some sets first."
        raise Conflict(detail, code="too_many_rules")


async def _check_parent(session: Session, rule: Mapping[str, Any], project_id: UUID, user_id: UUID) -> None:
    if rule["kind"] != "foreign_key":
        return
    parent = await datasets.visible(session, UUID(rule["parent_dataset_id"]), user_id)
    if parent is None or parent.project_id != project_id:
        raise Invalid("There is no dataset of that id for the foreign key to refer to.", code="unknown_dataset")
