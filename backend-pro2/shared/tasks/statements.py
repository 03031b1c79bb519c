"""Parts that several statements of the ledger share."""

COLUMNS = """id, kind, queue, status, priority, project_id, dataset_id, version, params, attempts, max_attempts, claims,
    waiting_for, not_before, deadline, worker, lease_until, cancel_requested, progress_done, progress_total,
    progress_message, error_code, error_detail, request_id, schedule_id, created_by, created_at, started_at,
    finished_at, traceparent"""

# Whether more is to be done about the end of a task: most have no dependents, and most projects no webhooks.
FOLLOWED = """
    EXISTS (SELECT 1 FROM task_dependencies d WHERE d.depends_on = ended.id) AS has_dependents,
    kind <> 'project_removal'
        AND EXISTS (SELECT 1 FROM webhooks w WHERE w.project_id = ended.project_id AND w.is_active) AS has_webhooks"""


def tell(changed: str, *, after: str = "0") -> str:
    """Insert the event that says where each task of the CTE `changed` stands now, `after` other new events of it.

    Its rows must have been locked by an earlier statement of the transaction, or be new, so that nobody else appends.
    """
    return f"""
    INSERT INTO task_events (task_id, sequence, event, data)
    SELECT id, coalesce((SELECT max(e.sequence) FROM task_events e WHERE e.task_id = {changed}.id), 0) + 1 + {after},
           'state', jsonb_build_object('status', status, 'attempts', attempts)
           || CASE WHEN error_code IS NULL THEN '{{}}'::jsonb ELSE jsonb_build_object(
                  'error', jsonb_build_object('code', error_code, 'detail', error_detail)) END
    FROM {changed}"""  # noqa: S608 - a name of ours
