"""SQL, and nothing but SQL: one class per table, bundled for one transaction."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from shared.database import Database, Session

from .access import Access
from .accounts import Accounts
from .api_keys import ApiKeys
from .api_log_partitions import ApiLogPartitions
from .api_logs import ApiLogs
from .egress import Egress
from .erasures import Erasures
from .exports import Exports
from .invitations import Invitations
from .mails import Mails
from .members import Members
from .one_time_tokens import OneTimeTokens
from .profiles import Profiles
from .projects import Projects
from .quotas import Quotas
from .removals import Removals
from .sessions import Sessions
from .usage import UsageCounts
from .users import Users
from .webhook_deliveries import WebhookDeliveries
from .webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Repositories:
    """What a use case sees of the database inside one transaction."""

    users: Users
    accounts: Accounts
    sessions: Sessions
    api_keys: ApiKeys
    api_logs: ApiLogs
    api_log_partitions: ApiLogPartitions
    one_time_tokens: OneTimeTokens
    mails: Mails
    projects: Projects
    access: Access
    profiles: Profiles
    erasures: Erasures
    exports: Exports
    usage: UsageCounts
    members: Members
    invitations: Invitations
    quotas: Quotas
    egress: Egress
    removals: Removals
    webhooks: Webhooks
    webhook_deliveries: WebhookDeliveries
    # For what `shared` does in the caller's transaction: the ledger, quotas, kept answers.
    session: Session


class UnitOfWork(Protocol):
    """Begins a transaction: committed when the block ends, rolled back when it raises."""

    def __call__(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Repositories]:
        """Begin."""


def unit_of_work(database: Database) -> UnitOfWork:
    """The unit of work over PostgreSQL."""

    @asynccontextmanager
    async def begin(*, read_only: bool = False) -> AsyncIterator[Repositories]:
        async with database.transaction(read_only=read_only) as session:
            yield Repositories(
                users=Users(session),
                accounts=Accounts(session),
                sessions=Sessions(session),
                api_keys=ApiKeys(session),
                api_logs=ApiLogs(session),
                api_log_partitions=ApiLogPartitions(session),
                one_time_tokens=OneTimeTokens(session),
                mails=Mails(session),
                projects=Projects(session),
                access=Access(session),
                profiles=Profiles(session),
                erasures=Erasures(session),
                exports=Exports(session),
                usage=UsageCounts(session),
                members=Members(session),
                invitations=Invitations(session),
                quotas=Quotas(session),
                egress=Egress(session),
                removals=Removals(session),
                webhooks=Webhooks(session),
                webhook_deliveries=WebhookDeliveries(session),
                session=session,
            )

    return begin
