"""What a project may still use. Asked in the transaction that uses it, so that parallel ones never exceed a limit.

Each `require_…` holds the project's row until its transaction ends and then counts afresh: of two that compete for
what is left, the second sees what the first took.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.config import Settings
from shared.database import Session
from shared.errors import Forbidden, NotFound, TooManyRequests

RETRY_SECONDS = 5

# Not FOR UPDATE, which would also wait for those who only hold the project by require_project().
_HOLD = "SELECT true FROM projects WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE"

_BYTES = """
SELECT (SELECT max_bytes FROM project_quotas WHERE project_id = $1) AS own_limit,
       coalesce((SELECT bytes FROM project_storage WHERE project_id = $1), 0) AS used
"""

_ROWS = """
SELECT (SELECT max_rows FROM project_quotas WHERE project_id = $1) AS own_limit,
       (SELECT coalesce(sum(v.row_count), 0)::bigint
        FROM dataset_versions v
        JOIN datasets d ON d.id = v.dataset_id
        WHERE d.project_id = $1 AND v.status <> 'expired') AS used
"""

_TASKS = """
SELECT (SELECT max_tasks FROM project_quotas WHERE project_id = $1) AS own_limit,
       (SELECT count(*) FROM analysis_tasks
        WHERE project_id = $1 AND status IN ('queued', 'running')) AS used
"""

# The ledger counts so too, in the statement that claims; what removes the project is no work of the project.
_RUNNING_TASKS = """
SELECT (SELECT max_running_tasks FROM project_quotas WHERE project_id = $1) AS own_limit,
       (SELECT count(*) FROM analysis_tasks
        WHERE project_id = $1 AND status = 'running' AND kind <> 'project_removal') AS used
"""

_LLM_TOKENS = """
SELECT (SELECT max_llm_tokens FROM project_quotas WHERE project_id = $1) AS own_limit,
       (SELECT coalesce(sum(tokens_in + tokens_out), 0)::bigint FROM llm_usage
        WHERE project_id = $1 AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date) AS used
"""

_LLM_COST = """
SELECT coalesce(sum(cost), 0) FROM llm_usage
WHERE project_id = $1 AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
"""

# A user's questions in other projects hold other projects, so the user is held too; not the row, which logins change.
_HOLD_USER = "SELECT pg_advisory_xact_lock(hashtextextended('llm.user ' || $1::uuid::text, 0))"

_USER_TOKENS = """
SELECT coalesce(sum(tokens_in + tokens_out), 0)::bigint FROM llm_usage
WHERE user_id = $1 AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
"""

_BOOK = """
INSERT INTO llm_usage (project_id, user_id, month, tokens_out, cost, calls)
VALUES ($1, $2, date_trunc('month', now() AT TIME ZONE 'UTC')::date, $3, $4, 1)
ON CONFLICT (project_id, user_id, month) DO UPDATE
SET tokens_out = llm_usage.tokens_out + excluded.tokens_out, cost = llm_usage.cost + excluded.cost,
    calls = llm_usage.calls + 1
RETURNING month
"""

# Only where it was booked: who has been erased meanwhile has no account to settle.
_SETTLE = """
UPDATE llm_usage
SET tokens_in = tokens_in + $4, tokens_out = tokens_out + $5, tokens_cached = tokens_cached + $6, cost = cost + $7
WHERE project_id = $1 AND user_id = $2 AND month = $3
"""


class QuotaExceeded(Forbidden):
    """It would take the project beyond one of its limits."""

    code = "quota_exceeded"

    def __init__(self, what: str, quota: "Quota", more: int) -> None:
        super().__init__(
            f"The project may have {quota.limit} {what} and has {quota.used}; this needs {more} more. "
            "An administrator of this instance can raise the limit."
        )


class LlmBudgetExceeded(Forbidden):
    """It would spend more on the LLM than may be spent in a month."""

    code = "llm_budget_exceeded"


class TooManyTasks(TooManyRequests):
    """As many tasks of the project wait and run as may."""

    code = "too_many_tasks"

    def __init__(self, quota: "Quota") -> None:
        super().__init__(
            f"The project has {quota.used} tasks queued or running and may have {quota.limit}. Wait until some have "
            "ended, or ask an administrator of this instance to raise the limit.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit and what is used of it; `is_default` says that it is the instance's setting."""

    limit: int
    used: int
    is_default: bool

    @property
    def left(self) -> int:
        """How much more there may be."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class ProjectQuotas:
    """All limits of a project; LLM tokens are those of the calendar month in UTC."""

    bytes: Quota
    rows: Quota
    tasks: Quota
    running_tasks: Quota
    llm_tokens: Quota


@dataclass(frozen=True, slots=True)
class LlmBooking:
    """Tokens and money set aside for a request that is under way."""

    project_id: UUID
    user_id: UUID
    month: date
    tokens: int
    cost: Decimal = Decimal(0)


async def read_quotas(session: Session, settings: Settings, project_id: UUID) -> ProjectQuotas:
    """Limits and use as they stand; holds nothing."""
    return ProjectQuotas(
        bytes=await _read(session, _BYTES, project_id, settings.quota_bytes),
        rows=await _read(session, _ROWS, project_id, settings.quota_rows),
        tasks=await _read(session, _TASKS, project_id, settings.quota_tasks),
        running_tasks=await _read(session, _RUNNING_TASKS, project_id, settings.quota_running_tasks),
        llm_tokens=await _read(session, _LLM_TOKENS, project_id, settings.quota_llm_tokens),
    )


async def read_bytes(session: Session, settings: Settings, project_id: UUID) -> Quota:
    """The limit of stored bytes as it stands, to refuse early what cannot fit; holds nothing."""
    return await _read(session, _BYTES, project_id, settings.quota_bytes)


async def require_bytes(session: Session, settings: Settings, project_id: UUID, more: int) -> None:
    """Let `more` bytes, of raw and Parquet files alike, be added in this transaction.

    Raises:
        QuotaExceeded: they do not fit. NotFound: the project has gone.
    """
    await _hold(session, project_id)
    _fit("bytes stored", await _read(session, _BYTES, project_id, settings.quota_bytes), more)


async def require_rows(session: Session, settings: Settings, project_id: UUID, more: int) -> None:
    """Let `more` rows of dataset versions be added in this transaction.

    Raises:
        QuotaExceeded: they do not fit. NotFound: the project has gone.
    """
    await _hold(session, project_id)
    _fit("rows", await _read(session, _ROWS, project_id, settings.quota_rows), more)


async def require_task(session: Session, settings: Settings, project_id: UUID) -> None:
    """Let one more task be queued in this transaction; the ledger asks for every submission.

    Raises:
        TooManyTasks: as many as may wait and run. NotFound: the project has gone.
    """
    await _hold(session, project_id)
    quota = await _read(session, _TASKS, project_id, settings.quota_tasks)
    if quota.left < 1:
        raise TooManyTasks(quota)


async def require_llm_tokens(
    session: Session, settings: Settings, project_id: UUID, user_id: UUID, more: int, cost: Decimal = Decimal(0)
) -> LlmBooking:
    """Set tokens and money aside before the LLM is asked, so that parallel requests cannot exceed the month together.

    Commit, ask, then settle with `record_llm_tokens`; what is never settled stays counted.

    Raises:
        QuotaExceeded: the project's tokens do not suffice. NotFound: the project has gone.
        LlmBudgetExceeded: the user's tokens, or the project's money, do not.
    """
    await _hold(session, project_id)
    _fit("LLM tokens a month", await _read(session, _LLM_TOKENS, project_id, settings.quota_llm_tokens), more)
    await _require_money(session, settings, project_id, cost)
    await _require_user_tokens(session, settings, user_id, more)
    month: date = await session.fetch_value(_BOOK, project_id, user_id, more, cost)
    return LlmBooking(project_id, user_id, month, more, cost)


async def record_llm_tokens(
    session: Session, booking: LlmBooking, *, tokens_in: int, tokens_out: int, cost: Decimal, tokens_cached: int = 0
) -> None:
    """Replace what was set aside by what was spent, in the month it was set aside in."""
    spent = (tokens_in, tokens_out - booking.tokens, tokens_cached, cost - booking.cost)
    await session.execute(_SETTLE, booking.project_id, booking.user_id, booking.month, *spent)


async def _require_money(session: Session, settings: Settings, project_id: UUID, more: Decimal) -> None:
    limit = settings.llm_project_monthly_cost
    if not limit or not more:
        return
    used: Decimal = await session.fetch_value(_LLM_COST, project_id)
    if used + more > limit:
        raise LlmBudgetExceeded(
            f"The project may spend {limit} on the LLM in a month and has spent or set aside {used:f}; this may cost "
            f"{more:f} more. It goes on next month, or when the operator raises LLM_PROJECT_MONTHLY_COST."
        )


async def _require_user_tokens(session: Session, settings: Settings, user_id: UUID, more: int) -> None:
    limit = settings.llm_user_monthly_tokens
    if not limit:
        return
    await session.execute(_HOLD_USER, user_id)
    used: int = await session.fetch_value(_USER_TOKENS, user_id)
    if used + more > limit:
        raise LlmBudgetExceeded(
            f"You may spend {limit} LLM tokens in a month and have spent or set aside {used}; this may need {more} "
            "more. It goes on next month, or when the operator raises LLM_USER_MONTHLY_TOKENS."
        )


@dataclass(frozen=True, slots=True)
class _Use:
    own_limit: int | None
    used: int


async def _hold(session: Session, project_id: UUID) -> None:
    if not await session.fetch_value(_HOLD, project_id):
        raise NotFound


async def _read(session: Session, statement: str, project_id: UUID, default: int) -> Quota:
    use = await session.fetch_one(_Use, statement, project_id)
    if use is None or use.own_limit is None:
        return Quota(default, use.used if use else 0, is_default=True)
    return Quota(use.own_limit, use.used, is_default=False)


def _fit(what: str, quota: Quota, more: int) -> None:
    if more > 0 and quota.used + more > quota.limit:
        raise QuotaExceeded(what, quota, more)
