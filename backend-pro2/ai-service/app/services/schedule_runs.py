"""Schedules whose time has come: each due time is noted and its work submitted in one transaction, so once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import APIException, ServiceUnavailable
from shared.logging import get_logger
from shared.resources import Resources
from shared.tasks import Task
from shared.tasks.runtime import DATABASE_AWAY

from ..repositories import schedule_runs
from ..repositories.schedule_runs import DueSchedule, NewRun
from .schedule_actions import Actions, Origin
from .schedule_times import Calendar, plan
from .schedules import require_runner

log = get_logger(__name__)

# Between two looks; one that is due sooner is waited for.
LOOK_SECONDS = 1.0
AT_ONCE = 100
REFUSALS_BEFORE_PAUSE = 10
PASSING = "too_many_tasks"


async def fire_due(resources: Resources) -> None:
    """What a worker does every second: fire the schedules that are due by the next."""
    await ScheduleRuns(resources).look()


@dataclass(slots=True)
class _Fired:
    """What firing one schedule came to."""

    tasks: list[Task] = field(default_factory=list)
    ran_at: datetime | None = None
    was_refused: bool = False
    pause: str | None = None


class ScheduleRuns:
    """Fires schedules. Any number of workers may do so at once, and die at any moment."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._actions = Actions(resources)
        self._most = resources.settings.schedule_catch_up_most

    async def look(self) -> None:
        """Fire what is due within a second, each at its time."""
        more = True
        while more:
            seen = asyncio.get_running_loop().time()
            async with self._database.transaction(read_only=True) as session:
                found = await schedule_runs.soon(session, LOOK_SECONDS, AT_ONCE)
            more = len(found) == AT_ONCE
            # Nobody's time waits for the bell of another.
            async with asyncio.TaskGroup() as bells:
                for schedule in found:
                    await asyncio.sleep(seen + schedule.seconds - asyncio.get_running_loop().time())
                    tasks = await self.fire(schedule.id)
                    more = more and tasks is not None
                    for task in tasks or ():
                        bells.create_task(self._ledger.ring(task))

    async def fire(self, schedule_id: UUID) -> list[Task] | None:
        """Do what is due of the schedule, unless somebody else does; None if that failed, so that it comes up again.

        Returns:
            The tasks submitted, to be rung.
        """
        try:
            async with self._database.transaction() as session:
                due = await schedule_runs.claim(session, schedule_id)
                return [] if due is None else await self._fire(session, due)
        except DATABASE_AWAY as error:
            log.warning("schedule_delayed", schedule_id=str(schedule_id), error=type(error).__name__)
        except Exception:
            log.exception("schedule_broke", schedule_id=str(schedule_id))
            await self._pause_broken(schedule_id)
        return None

    async def _fire(self, session: Session, due: DueSchedule) -> list[Task]:
        made = plan(Calendar(due.cron, due.timezone), due.catch_up, due.due_at, due.now, self._most)
        for due_at, detail in made.skipped:
            await schedule_runs.add(session, NewRun(due.id, due_at, "skipped", None, "missed", detail))
        fired = await self._run_all(session, due, made.runs)
        if made.next is None:
            fired.pause = fired.pause or "No day fits its cron expression any more."
        await schedule_runs.advance(session, due.id, made.next, fired.ran_at, fired.pause)
        await schedule_runs.trim(session, due.id)
        log.info("schedule_fired", schedule_id=str(due.id), tasks=len(fired.tasks), skipped=len(made.skipped))
        return fired.tasks

    async def _run_all(self, session: Session, due: DueSchedule, times: Sequence[datetime]) -> _Fired:
        fired = _Fired()
        if not times:
            return fired
        try:
            user_id = await require_runner(session, due.project_id, due.created_by)
        except APIException as error:
            fired.pause = f"Whoever it runs for may not change the project: {error.detail}"
            for due_at in times:
                await schedule_runs.add(session, _refused(due, due_at, error))
            return fired
        for due_at in times:
            if not await schedule_runs.is_noted(session, due.id, due_at):
                await self._run(session, due, due_at, user_id, fired)
        if fired.was_refused:
            fired.pause = await _reason_to_pause(session, due.id)
        return fired

    async def _run(self, session: Session, due: DueSchedule, due_at: datetime, user_id: UUID, fired: _Fired) -> None:
        if due.catch_up != "all" and await schedule_runs.still_running(session, due.id):
            detail = "A task of the run before has not ended."
            await schedule_runs.add(session, NewRun(due.id, due_at, "skipped", None, "still_running", detail))
            return
        try:
            task = await self._actions.submit(session, Origin(due.project_id, user_id, due.id), due.action)
        except APIException as error:
            if error.code == ServiceUnavailable.code:
                raise
            fired.was_refused = True
            await schedule_runs.add(session, _refused(due, due_at, error))
            return
        fired.tasks.append(task)
        fired.ran_at = due_at
        await schedule_runs.add(session, NewRun(due.id, due_at, "submitted", task.id))

    async def _pause_broken(self, schedule_id: UUID) -> None:
        """Nobody foresaw this, so that trying again would only fail again, and hold up others."""
        try:
            async with self._database.transaction() as session:
                due = await schedule_runs.claim(session, schedule_id)
                if due is not None:
                    detail = "It failed unexpectedly; the operator finds the cause in the log."
                    run = NewRun(due.id, due.due_at, "refused", None, "internal_error", detail)
                    await schedule_runs.add(session, run)
                    await schedule_runs.advance(session, due.id, None, None, detail)
        except DATABASE_AWAY as error:
            log.warning("schedule_not_paused", schedule_id=str(schedule_id), error=type(error).__name__)


def _refused(due: DueSchedule, due_at: datetime, error: APIException) -> NewRun:
    return NewRun(due.id, due_at, "refused", None, error.code, error.detail)


async def _reason_to_pause(session: Session, schedule_id: UUID) -> str | None:
    """A sentence once its last runs were all refused for what does not pass by itself."""
    last = await schedule_runs.outcomes(session, schedule_id, REFUSALS_BEFORE_PAUSE)
    lasting = [run for run in last if run.outcome == "refused" and run.error_code != PASSING]
    if len(lasting) < REFUSALS_BEFORE_PAUSE:
        return None
    return f"Its last {REFUSALS_BEFORE_PAUSE} runs were refused, the latest with {lasting[0].error_code}."
