"""Everything that is held about one user, page by page: statements over the tables of all services.

Left out are secrets, which are hashes: of passwords, keys and mailed tokens; and null is what others may have put in
the place of the user's own words since the user left a project.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.database import Session

NIL = UUID(int=0)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One object as JSON text, and where it stands in its section."""

    item: str
    id: UUID
    number: int = 0
    at: datetime = LONG_AGO

    @property
    def by_id(self) -> tuple[object, ...]:
        """The place of a row that has an id of its own."""
        return (self.id,)

    @property
    def by_number(self) -> tuple[object, ...]:
        """The place of a row that is numbered below an id."""
        return (self.id, self.number)

    @property
    def by_time(self) -> tuple[object, ...]:
        """The place of a row in order of time."""
        return (self.at, self.id)


@dataclass(frozen=True, slots=True)
class Section:
    """A list in the document. Its statement takes the user, the number of rows wanted, and the place to go on after."""

    name: str
    statement: str
    first: tuple[object, ...] = (NIL,)
    place: Callable[[ExportRow], tuple[object, ...]] = lambda row: row.by_id


SECTIONS = (
    Section(
        "sessions",
        """
        SELECT id, json_build_object('id', id, 'address', address, 'user_agent', user_agent, 'created_at', created_at,
            'expires_at', expires_at, 'revoked_at', revoked_at, 'revoked_reason', revoked_reason)::text AS item
        FROM sessions WHERE user_id = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "api_keys",
        """
        SELECT id, json_build_object('id', id, 'name', name, 'prefix', prefix, 'scopes', scopes,
            'created_at', created_at, 'expires_at', expires_at, 'last_used_at', last_used_at,
            'revoked_at', revoked_at)::text AS item
        FROM api_keys WHERE user_id = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "mails",
        """
        SELECT id, json_build_object('id', id, 'kind', kind, 'recipient', recipient, 'created_at', created_at,
            'finished_at', finished_at, 'outcome', outcome)::text AS item
        FROM mails WHERE user_id = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "memberships",
        """
        SELECT p.id, json_build_object('project_id', p.id, 'project_name', p.name, 'role', m.role,
            'created_at', m.created_at)::text AS item
        FROM project_members m JOIN projects p ON p.id = m.project_id
        WHERE m.user_id = $1 AND m.project_id > $3 ORDER BY m.project_id LIMIT $2
        """,
    ),
    Section(
        "invitations_sent",
        """
        SELECT id, json_build_object('id', id, 'project_id', project_id, 'email', email, 'role', role,
            'created_at', created_at, 'expires_at', expires_at, 'accepted_at', accepted_at)::text AS item
        FROM project_invitations WHERE invited_by = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "invitations_accepted",
        """
        SELECT id, json_build_object('id', id, 'project_id', project_id, 'email', email, 'role', role,
            'created_at', created_at, 'accepted_at', accepted_at)::text AS item
        FROM project_invitations WHERE accepted_by = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "projects_created",
        """
        SELECT p.id, json_build_object('id', p.id, 'name', CASE WHEN m.role IS NOT NULL THEN p.name END,
            'description', CASE WHEN m.role IS NOT NULL THEN p.description END, 'created_at', p.created_at,
            'archived_at', p.archived_at, 'deleted_at', p.deleted_at)::text AS item
        FROM projects p LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
        WHERE p.created_by = $1 AND p.id > $3 ORDER BY p.id LIMIT $2
        """,
    ),
    Section(
        "datasets",
        """
        SELECT d.id, json_build_object('id', d.id, 'project_id', d.project_id,
            'name', CASE WHEN m.role IS NOT NULL THEN d.name END,
            'description', CASE WHEN m.role IS NOT NULL THEN d.description END,
            'tags', CASE WHEN m.role IS NOT NULL THEN d.tags END, 'status', d.status,
            'current_version', d.current_version, 'created_at', d.created_at,
            'deleted_at', d.deleted_at)::text AS item
        FROM datasets d LEFT JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
        WHERE d.created_by = $1 AND d.id > $3 ORDER BY d.id LIMIT $2
        """,
    ),
    Section(
        "webhooks",
        """
        SELECT w.id, json_build_object('id', w.id, 'project_id', w.project_id,
            'url', CASE WHEN m.role IS NOT NULL THEN w.url END, 'events', w.events,
            'description', CASE WHEN m.role IS NOT NULL THEN w.description END, 'is_active', w.is_active,
            'created_at', w.created_at)::text AS item
        FROM webhooks w LEFT JOIN project_members m ON m.project_id = w.project_id AND m.user_id = $1
        WHERE w.created_by = $1 AND w.id > $3 ORDER BY w.id LIMIT $2
        """,
    ),
    Section(
        "schedules",
        """
        SELECT s.id, json_build_object('id', s.id, 'project_id', s.project_id,
            'name', CASE WHEN m.role IS NOT NULL THEN s.name END, 'cron', s.cron, 'timezone', s.timezone,
            'action', CASE WHEN m.role IS NOT NULL THEN s.action END, 'paused', s.paused,
            'created_at', s.created_at)::text AS item
        FROM schedules s LEFT JOIN project_members m ON m.project_id = s.project_id AND m.user_id = $1
        WHERE s.created_by = $1 AND s.id > $3 ORDER BY s.id LIMIT $2
        """,
    ),
    Section(
        "dataset_versions",
        """
        SELECT dataset_id AS id, version AS number, json_build_object('dataset_id', dataset_id, 'version', version,
            'filename', filename, 'bytes', raw_bytes, 'sha256', raw_sha256, 'rows', row_count,
            'created_at', created_at)::text AS item
        FROM dataset_versions
        WHERE created_by = $1 AND (dataset_id, version) > ($3::uuid, $4::integer)
        ORDER BY dataset_id, version LIMIT $2
        """,
        first=(NIL, 0),
        place=lambda row: row.by_number,
    ),
    Section(
        "tasks",
        """
        SELECT id, json_build_object('id', id, 'kind', kind, 'status', status, 'project_id', project_id,
            'dataset_id', dataset_id, 'version', version, 'params', params, 'created_at', created_at,
            'started_at', started_at, 'finished_at', finished_at, 'error_code', error_code)::text AS item
        FROM analysis_tasks WHERE created_by = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "conversations",
        """
        SELECT id, json_build_object('id', id, 'project_id', project_id, 'title', title, 'dataset_ids', dataset_ids,
            'created_at', created_at, 'updated_at', updated_at)::text AS item
        FROM conversations WHERE created_by = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "conversation_turns",
        """
        SELECT t.id, json_build_object('conversation_id', t.conversation_id, 'task_id', t.task_id,
            'question', t.question, 'answer', CASE WHEN m.role IS NOT NULL THEN t.answer END,
            'sql', CASE WHEN m.role IS NOT NULL THEN t.sql END, 'rating', t.rating, 'comment', t.comment,
            'created_at', t.created_at)::text AS item
        FROM conversation_turns t
        JOIN conversations c ON c.id = t.conversation_id
        LEFT JOIN project_members m ON m.project_id = c.project_id AND m.user_id = $1
        WHERE c.created_by = $1 AND t.id > $3 ORDER BY t.id LIMIT $2
        """,
    ),
    Section(
        "verified_queries",
        """
        SELECT id, json_build_object('id', id, 'project_id', project_id, 'question', question, 'sql', sql,
            'dataset_ids', dataset_ids, 'created_at', created_at)::text AS item
        FROM verified_queries WHERE created_by = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "glossary_terms",
        """
        SELECT g.id, json_build_object('id', g.id, 'project_id', g.project_id, 'dataset_id', g.dataset_id,
            'name', CASE WHEN m.role IS NOT NULL THEN g.name END,
            'definition', CASE WHEN m.role IS NOT NULL THEN g.definition END,
            'expression', CASE WHEN m.role IS NOT NULL THEN g.expression END, 'created_at', g.created_at)::text AS item
        FROM glossary_terms g LEFT JOIN project_members m ON m.project_id = g.project_id AND m.user_id = $1
        WHERE g.created_by = $1 AND g.id > $3 ORDER BY g.id LIMIT $2
        """,
    ),
    # Their content belongs to the project, whose owner reads it in the egress ledger.
    Section(
        "llm_calls",
        """
        SELECT id, json_build_object('id', id, 'project_id', project_id, 'task_id', task_id, 'purpose', purpose,
            'model', model, 'status', status, 'tokens_in', tokens_in, 'tokens_out', tokens_out,
            'tokens_cached', tokens_cached, 'cost', cost, 'created_at', created_at)::text AS item
        FROM llm_calls WHERE user_id = $1 AND id > $3 ORDER BY id LIMIT $2
        """,
    ),
    Section(
        "llm_usage",
        """
        SELECT project_id AS id, (month - date '1970-01-01') AS number, json_build_object('project_id', project_id,
            'month', to_char(month, 'YYYY-MM'), 'tokens_in', tokens_in, 'tokens_out', tokens_out,
            'tokens_cached', tokens_cached, 'calls', calls, 'cost', cost)::text AS item
        FROM llm_usage
        WHERE user_id = $1 AND (project_id, month) > ($3::uuid, date '1970-01-01' + $4::integer)
        ORDER BY project_id, month LIMIT $2
        """,
        first=(NIL, 0),
        place=lambda row: row.by_number,
    ),
    Section(
        "requests",
        """
        SELECT id, at, json_build_object('at', at, 'request_id', request_id, 'method', method, 'path', path,
            'status', status, 'duration_ms', duration_ms, 'bytes_in', bytes_in, 'bytes_out', bytes_out,
            'address', address, 'api_key_id', api_key_id)::text AS item
        FROM api_logs
        WHERE user_id = $1 AND at >= $3 AND (at, id) > ($3::timestamptz, $4::uuid)
        ORDER BY at, id LIMIT $2
        """,
        first=(LONG_AGO, NIL),
        place=lambda row: row.by_time,
    ),
)


class Exports:
    """What is held about a user, as JSON text."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def user(self, user_id: UUID) -> str | None:
        """The account and its profile: two members of the document, without braces around them."""
        found: str | None = await self._session.fetch_value(
            """
            SELECT '"user":' || json_build_object('id', u.id, 'email', u.email, 'full_name', u.full_name,
                       'role', u.role, 'is_active', u.is_active, 'created_at', u.created_at,
                       'updated_at', u.updated_at, 'email_verified_at', u.email_verified_at,
                       'last_login_at', u.last_login_at)::text
                || ',"profile":' || json_build_object('locale', p.locale, 'time_zone', p.time_zone,
                       'preferences', p.preferences, 'avatar_type', p.avatar_type, 'updated_at', p.updated_at)::text
            FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id
            WHERE u.id = $1
            """,
            user_id,
        )
        return found

    async def rows(self, section: Section, user_id: UUID, limit: int, after: tuple[object, ...]) -> list[ExportRow]:
        """The next rows of a section."""
        return await self._session.fetch_all(ExportRow, section.statement, user_id, limit, *after)
