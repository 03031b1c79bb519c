"""Quotas: what a project may use, set by administrators, and what it uses."""

from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

from shared.config import Settings
from shared.errors import Forbidden, NotFound
from shared.etags import etag_of, require_current
from shared.identity import Caller
from shared.logging import get_logger
from shared.quotas import ProjectQuotas, Quota, read_quotas

from ..repositories import Repositories, UnitOfWork
from ..repositories.quotas import LlmTotals, OwnLimits, UserTokensRecord
from ..schemas.quotas import Allowance, ProjectLlmUsage, ProjectQuotaModel, ProjectUsage, QuotaUpdate, UserTokens
from ..schemas.usage import TaskCounts, month_name
from .projects import seen

log = get_logger(__name__)

SPENDERS = 100


def etag(quotas: ProjectQuotaModel) -> str:
    """The entity tag of the limits; what is used changes all the time and does not count."""
    limits = (quotas.bytes, quotas.rows, quotas.tasks, quotas.running_tasks, quotas.llm_tokens)
    return etag_of(repr([(one.limit, one.default) for one in limits]).encode())


class QuotaService:
    """Use cases of /projects/{id}/quotas and /usage.

    Raises (all methods):
        NotFound: the project is absent, or the caller is neither a member of it nor an administrator.
    """

    def __init__(self, begin: UnitOfWork, settings: Settings) -> None:
        self._begin = begin
        self._settings = settings

    async def read(self, caller: Caller, project_id: UUID) -> ProjectQuotaModel:
        """Limits and what is used of them."""
        async with self._begin(read_only=True) as repositories:
            await _see(repositories, caller, project_id)
            return _body(await read_quotas(repositories.session, self._settings, project_id))

    async def set(
        self, caller: Caller, project_id: UUID, change: QuotaUpdate, if_match: str | None
    ) -> ProjectQuotaModel:
        """Set limits; what is above them already stays, and nothing is added.

        Raises:
            Forbidden: the caller is no administrator.
            PreconditionFailed: somebody else set limits since the caller read them.
        """
        async with self._begin() as repositories:
            await _see(repositories, caller, project_id)
            if not caller.administers:
                raise Forbidden("Only administrators may set quotas.")
            if not await repositories.projects.hold(project_id):
                raise NotFound
            before = _body(await read_quotas(repositories.session, self._settings, project_id))
            require_current(if_match, etag(before), "quota")
            own = await repositories.quotas.own(project_id)
            limits = OwnLimits(**{**asdict(own), **change.model_dump(exclude_unset=True)})
            await repositories.quotas.set(project_id, limits, caller.id)
            after = _body(await read_quotas(repositories.session, self._settings, project_id))
        log.info("project_quotas_set", project_id=str(project_id), **asdict(limits))
        return after

    async def usage(self, caller: Caller, project_id: UUID) -> ProjectUsage:
        """What the project uses."""
        async with self._begin(read_only=True) as repositories:
            await _see(repositories, caller, project_id)
            quotas = await read_quotas(repositories.session, self._settings, project_id)
            counts = await repositories.quotas.count_tasks(project_id)
            totals = await repositories.quotas.llm_totals(project_id)
            spenders = await repositories.quotas.llm_by_user(project_id, SPENDERS)
            return ProjectUsage(
                bytes=quotas.bytes.used,
                rows=quotas.rows.used,
                datasets=await repositories.quotas.count_datasets(project_id),
                tasks=TaskCounts.model_validate({row.status: row.tasks for row in counts}),
                llm=_llm(totals, spenders, self._settings.llm_project_monthly_cost),
            )


async def _see(repositories: Repositories, caller: Caller, project_id: UUID) -> None:
    projects = repositories.projects
    look = projects.known_to_administrator if caller.administers else projects.seen_by
    seen(await look(caller.id, project_id))


def _body(quotas: ProjectQuotas) -> ProjectQuotaModel:
    return ProjectQuotaModel(
        bytes=_allowance(quotas.bytes),
        rows=_allowance(quotas.rows),
        tasks=_allowance(quotas.tasks),
        running_tasks=_allowance(quotas.running_tasks),
        llm_tokens=_allowance(quotas.llm_tokens),
    )


def _allowance(quota: Quota) -> Allowance:
    return Allowance(limit=quota.limit, used=quota.used, default=quota.is_default)


def _llm(totals: LlmTotals, spenders: list[UserTokensRecord], cost_limit: Decimal) -> ProjectLlmUsage:
    return ProjectLlmUsage(
        month=month_name(totals.month),
        tokens_in=totals.tokens_in,
        tokens_out=totals.tokens_out,
        tokens_cached=totals.tokens_cached,
        calls=totals.calls,
        cost=totals.cost,
        cost_limit=float(cost_limit) or None,
        by_user=[UserTokens.model_validate(row) for row in spenders],
    )
