"""Use cases of schedules: made, read, changed, paused, run at once, removed."""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import APIException, Conflict, Forbidden, Invalid, NotFound
from shared.etags import etag_of, require_current
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import schedule_runs, schedules
from ..repositories.schedule_runs import NewRun, ScheduleRun
from ..repositories.schedules import Schedule, ScheduleState
from ..schemas.schedules import NewSchedule, ScheduleChange
from .schedule_actions import Actions, Origin
from .schedule_times import require_calendar, upcoming

MAX_SCHEDULES = 100
SHOWN_TIMES = 5
_RUN_PART = re.compile(r'\.[0-9a-f]+"')


class Schedules:
    """What a member may do with the schedules of a project.

    Raises (all methods):
        NotFound: absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._actions = Actions(resources)

    async def create(self, user_id: UUID, new: NewSchedule) -> Schedule:
        """Make a schedule; it runs on behalf of whoever makes it.

        Raises:
            Invalid: `invalid_cron`, `invalid_timezone`, or as for submitting the action now.
            Conflict: `name_taken`, `too_many_schedules`, or as for submitting the action now.
        """
        schedule_id = new_id()
        async with self._database.transaction() as session:
            await require_project(session, new.project, user_id, minimum=ProjectRole.EDITOR)
            if await schedules.count(session, new.project) >= MAX_SCHEDULES:
                detail = f"A project may have {MAX_SCHEDULES} schedules. Remove some that are no longer needed."
                raise Conflict(detail, code="too_many_schedules")
            due = await _first_time(session, new.cron, new.timezone)
            await self._actions.check(session, new.project, new.action)
            plan = (new.name, new.cron, new.timezone, new.action.stored(), new.catch_up, new.paused)
            state = ScheduleState(user_id, *plan, None if new.paused else due)
            await schedules.insert(session, schedule_id, new.project, state)
            made = _known(await schedules.visible(session, schedule_id, user_id))
            await keep_answer(session, made)
        return made

    async def page(self, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int) -> list[Schedule]:
        """Schedules, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await schedules.page(session, user_id, project_id=project_id, before=before, limit=limit)

    async def read(self, user_id: UUID, schedule_id: UUID) -> Schedule:
        """The schedule."""
        async with self._database.transaction(read_only=True) as session:
            return _known(await schedules.visible(session, schedule_id, user_id))

    async def change(self, user_id: UUID, schedule_id: UUID, change: ScheduleChange, if_match: str | None) -> Schedule:
        """Change what `change` names; one that is resumed waits for its next time from now on.

        If the one on whose behalf it runs may no longer change the project, it runs on behalf of this caller.

        Raises:
            Invalid, Conflict: as for `create`. PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            found = await self._locked(session, user_id, schedule_id, if_match)
            if change.action is not None:
                if change.action.project_id not in (None, found.project_id):
                    raise Invalid("A schedule stays in its project; leave project_id away, or make another schedule.")
                await self._actions.check(session, found.project_id, change.action)
            owner = found.created_by if await may_run(session, found.project_id, found.created_by) else user_id
            await schedules.update(session, schedule_id, await _changed(session, found, change, owner))
            return _known(await schedules.visible(session, schedule_id, user_id))

    async def remove(self, user_id: UUID, schedule_id: UUID, if_match: str | None) -> None:
        """Remove the schedule with its history; its tasks stay.

        Raises:
            PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            # The project is not held, for which a run of the schedule may ask while it holds its task.
            await self._locked(session, user_id, schedule_id, if_match, hold=False)
            await schedules.delete(session, schedule_id)

    async def runs(self, user_id: UUID, schedule_id: UUID, *, before: datetime | None, limit: int) -> list[ScheduleRun]:
        """Its history, latest first, due earlier than `before`."""
        async with self._database.transaction(read_only=True) as session:
            _known(await schedules.visible(session, schedule_id, user_id))
            return await schedule_runs.page(session, schedule_id, user_id, before=before, limit=limit)

    async def run(self, user_id: UUID, schedule_id: UUID, request_id: str | None, wait: float = 0) -> Task:
        """Submit its action at once, on behalf of the caller, without moving its plan.

        Raises:
            APIException: as for submitting the action.
        """
        async with self._database.transaction() as session:
            found = await self._locked(session, user_id, schedule_id, None)
            origin = Origin(found.project_id, user_id, found.id, request_id)
            task = await self._actions.submit(session, origin, found.action)
            asked_at = await schedules.now(session)
            await schedule_runs.add(session, NewRun(found.id, asked_at, "submitted", task.id))
            await schedule_runs.trim(session, found.id)
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    async def _locked(
        self, session: Session, user_id: UUID, schedule_id: UUID, if_match: str | None, *, hold: bool = True
    ) -> Schedule:
        """The schedule, held, for a caller who may change it."""
        found = _known(await schedules.visible(session, schedule_id, user_id))
        await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR, hold=hold)
        await schedules.lock(session, schedule_id)
        found = _known(await schedules.visible(session, schedule_id, user_id))
        # A run that happens meanwhile is no reason to refuse a change.
        wanted = None if if_match is None else _RUN_PART.sub('"', if_match)
        require_current(wanted, _definition_tag(found), "schedule")
        return found


async def require_runner(session: Session, project_id: UUID, user_id: UUID | None) -> UUID:
    """The user on whose behalf a schedule may submit work now.

    Raises:
        Forbidden, NotFound, ProjectArchived: nobody, or one who may no longer change the project.
    """
    if user_id is None or not await schedules.is_active(session, user_id):
        raise Forbidden("The account on whose behalf this schedule runs is gone or inactive.")
    await require_project(session, project_id, user_id, minimum=ProjectRole.EDITOR)
    return user_id


async def may_run(session: Session, project_id: UUID, user_id: UUID | None) -> bool:
    """Whether a schedule may submit work on the user's behalf."""
    try:
        await require_runner(session, project_id, user_id)
    except APIException:
        return False
    return True


def etag(schedule: Schedule) -> str:
    """The entity tag of a schedule's state: what people wrote, and how far its plan is."""
    progress = f"{schedule.paused} {schedule.next_run_at} {schedule.last_run_at} {schedule.paused_reason}"
    return f"{_definition_tag(schedule)[:-1]}.{etag_of(progress.encode())[1:]}"


def next_runs(schedule: Schedule) -> Sequence[datetime]:
    """The next times at which it is due; none while it is paused."""
    if schedule.next_run_at is None:
        return ()
    return upcoming(schedule.cron, schedule.timezone, schedule.next_run_at, SHOWN_TIMES)


def _definition_tag(schedule: Schedule) -> str:
    return etag_of(f"{schedule.id} {schedule.updated_at.isoformat()}".encode())


async def _changed(session: Session, found: Schedule, change: ScheduleChange, owner: UUID | None) -> ScheduleState:
    paused = found.paused if change.paused is None else change.paused
    cron, timezone = change.cron or found.cron, change.timezone or found.timezone
    due = found.next_run_at
    if (cron, timezone) != (found.cron, found.timezone) or due is None:
        due = await _first_time(session, cron, timezone)
    action = found.action if change.action is None else change.action.stored()
    plan = (change.name or found.name, cron, timezone, action, change.catch_up or found.catch_up)
    return ScheduleState(owner, *plan, paused, None if paused else due)


async def _first_time(session: Session, cron: str, timezone: str) -> datetime | None:
    now = await schedules.now(session)
    return require_calendar(cron, timezone, now).first_after(now)


def _known(found: Schedule | None) -> Schedule:
    if found is None:
        raise NotFound
    return found
