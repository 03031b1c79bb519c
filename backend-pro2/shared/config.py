"""Settings of one project instance, read from the environment and the instance's .env file."""

import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.config_llm import LlmSettings
from shared.config_observability import ObservabilitySettings
from shared.config_rules import Words, comma_separated, plain_postgres_scheme, refuse_weak_secrets

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class Environment(StrEnum):
    """Where the instance runs; production refuses placeholders and short secrets."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class ServiceSettings(BaseSettings):
    """Who we are and where we listen."""

    project_id: str = Field(
        "pro1",
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="Name of this instance; issuer and audience of its tokens.",
    )
    environment: Environment = Field(Environment.DEVELOPMENT, description="development, test or production.")
    bind_host: str = Field("127.0.0.1", description="Address the services listen on.")
    api_gateway_port: int = Field(8000, ge=1, le=65535, description="Port of the API gateway.")
    data_service_port: int = Field(8001, ge=1, le=65535, description="Port of the data service.")
    ai_service_port: int = Field(8002, ge=1, le=65535, description="Port of the AI service.")
    data_service_url: str = Field(
        "", description="Where the gateway finds the data service; empty: its port on this host."
    )
    ai_service_url: str = Field("", description="Where the gateway finds the AI service; empty: its port on this host.")
    keep_alive_drain_seconds: float = Field(
        1.0, ge=0, le=15, description="How long a service that stops keeps idle connections, for a request on its way."
    )
    cors_origins: Words = Field(
        (), description="Origins of browsers that may call the API, comma-separated; empty: none."
    )
    trusted_proxies: Words = Field(
        (), description="Networks (CIDR) whose X-Forwarded-For is believed, comma-separated."
    )
    max_body_bytes: int = Field(MEBIBYTE, ge=1024, description="Largest JSON body accepted, in bytes.")
    http_workers: int = Field(1, ge=1, le=64, description="Processes that each service answers requests with.")


class StorageSettings(BaseSettings):
    """PostgreSQL, Redis and the object store."""

    database_url: SecretStr = Field(
        SecretStr("postgresql://postgres:postgres123@127.0.0.1:5432/ai_platform_pro1"),
        description="PostgreSQL 15 or newer.",
    )
    database_pool_min_size: int = Field(1, ge=0, description="Connections kept open per process.")
    database_pool_max_size: int = Field(10, ge=1, description="Connections opened at most per process.")
    database_acquire_timeout_seconds: float = Field(1.0, gt=0, description="Wait for a free connection, then 503.")
    database_statement_timeout_seconds: float = Field(10.0, gt=0, description="PostgreSQL ends a statement after this.")
    database_lock_timeout_seconds: float = Field(
        2.0, gt=0, description="PostgreSQL gives up waiting for a lock after this."
    )
    database_statement_cache_size: int = Field(
        100, ge=0, description="Prepared statements kept; 0 behind a pooling proxy."
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://:redis123@127.0.0.1:6379/0"), description="Redis 7 or newer, or Valkey."
    )
    redis_pool_size: int = Field(20, ge=1, description="Connections opened at most per process.")
    redis_timeout_seconds: float = Field(0.5, gt=0, description="Wait for Redis, then do without.")
    s3_endpoint_url: str = Field(
        "http://127.0.0.1:9000", pattern=r"^https?://[^/]+$", description="Any S3-compatible object store."
    )
    s3_access_key: SecretStr = Field(SecretStr("minioadmin"), description="Access key of the object store.")
    s3_secret_key: SecretStr = Field(SecretStr("minioadmin123"), description="Secret key of the object store.")
    s3_bucket: str = Field(
        "ai-platform-pro1", pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", description="Bucket of this instance."
    )
    s3_public_url: str = Field(
        "",
        pattern=r"^(https?://[^/]+)?$",
        description="Address of the object store for clients that upload to it directly; empty: S3_ENDPOINT_URL.",
    )
    s3_region: str = Field("us-east-1", description="Region named in signatures.")
    cache_dir: Path = Field(Path(".cache"), description="Where verified copies of Parquet files are kept.")
    cache_max_bytes: int = Field(20 * GIBIBYTE, ge=MEBIBYTE, description="Size of that cache in bytes.")

    @field_validator("database_url", mode="before")
    @classmethod
    def _plain_scheme(cls, value: object) -> object:
        return plain_postgres_scheme(value)


class SecuritySettings(BaseSettings):
    """Keys, tokens, passwords and limits."""

    secret_key: SecretStr = Field(
        SecretStr("your-super-secret-key-32-chars-minimum"), description="Signs tokens; 32 characters or more."
    )
    secret_keys_previous: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Retired keys that still verify, comma-separated."
    )
    access_token_expire_minutes: int = Field(30, ge=1, description="Life of an access token.")
    refresh_token_expire_days: int = Field(7, ge=1, description="Life of a session without use.")
    refresh_reuse_grace_seconds: float = Field(
        10, ge=0, description="A rotated refresh token replayed within this yields its successor."
    )
    bcrypt_rounds: int = Field(12, ge=4, le=16, description="Cost of a password hash (2 to this power).")
    admin_email: str = Field("", description="First administrator, created at start; empty: none.")
    admin_password: SecretStr = Field(SecretStr(""), description="Password of the first administrator.")
    rate_limit_window_seconds: int = Field(60, ge=1, description="Length of the sliding window.")
    rate_limit_default: int = Field(6000, ge=1, description="Requests a window per user.")
    rate_limit_anonymous: int = Field(3000, ge=1, description="Requests a window per address without a token.")
    rate_limit_auth: int = Field(120, ge=1, description="Logins, registrations and refreshes a window per address.")
    rate_limit_upload: int = Field(600, ge=1, description="Uploads a window per user.")
    rate_limit_llm: int = Field(60, ge=1, description="Questions to the LLM a window per user.")
    lockout_seconds: int = Field(900, ge=1, description="Length of the window in which failed logins are counted.")
    lockout_attempts: int = Field(10, ge=1, description="Failed logins a window for one account from one address.")
    lockout_account_attempts: int = Field(
        100, ge=1, description="Failed logins a window for one account from addresses it never used."
    )
    lockout_address_attempts: int = Field(300, ge=1, description="Failed logins a window from one address.")
    require_verified_email: bool = Field(False, description="Whether an account must prove its address before a login.")
    password_reset_minutes: int = Field(60, ge=1, description="Life of a mailed password reset.")
    email_verification_hours: int = Field(48, ge=1, description="Life of a mailed address verification.")
    invitation_days: int = Field(7, ge=1, description="Life of an invitation to a project.")
    idempotency_hours: int = Field(24, ge=1, description="How long an answer is kept for a repeated Idempotency-Key.")
    api_log_retention_days: int = Field(
        90, ge=1, description="How long API calls are kept; a month goes when all of it is older."
    )


class MailSettings(BaseSettings):
    """How mail leaves; without a server it is written to a folder in development and not at all in production."""

    smtp_host: str = Field("", description="Mail server; empty: mail is written to MAIL_DIR in development.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: str = Field(
        "starttls", pattern="^(starttls|tls|none)$", description="starttls, tls (from the first byte) or none."
    )
    smtp_username: str = Field("", description="Name at the mail server; empty: no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    mail_from: str = Field("AI data-analysis platform <noreply@localhost>", description="Sender of mails.")
    mail_dir: Path = Field(Path(".mail"), description="Folder for mails while there is no mail server.")
    app_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address of your application for links in mails; empty: mails show the token and the API call.",
    )


class QuotaSettings(BaseSettings):
    """What a project may use unless an administrator set its own limits."""

    quota_bytes: int = Field(100 * GIBIBYTE, ge=0, description="Bytes stored per project.")
    quota_rows: int = Field(5_000_000_000, ge=0, description="Rows of all dataset versions per project.")
    quota_tasks: int = Field(1000, ge=0, description="Tasks queued or running at once per project.")
    quota_running_tasks: int = Field(8, ge=1, description="Tasks running at once per project; further ones wait.")
    quota_llm_tokens: int = Field(10_000_000, ge=0, description="LLM tokens per project and calendar month.")


class WorkSettings(BaseSettings):
    """Uploads, tasks and compute."""

    max_upload_bytes: int = Field(10 * GIBIBYTE, ge=1, description="Largest file accepted, in bytes.")
    max_unpacked_bytes: int = Field(50 * GIBIBYTE, ge=1, description="Largest content of a compressed file, in bytes.")
    upload_part_bytes: int = Field(
        16 * MEBIBYTE, ge=MEBIBYTE, description="Size of the parts of an upload session that names none, in bytes."
    )
    upload_session_hours: float = Field(24, gt=0, description="Life of an upload session without a new part.")
    url_import_enabled: bool = Field(False, description="Whether files may be fetched from URLs that users name.")
    url_import_networks: Words = Field(
        (), description="Private networks (CIDR) that such URLs may lead to, comma-separated; empty: none."
    )
    url_import_seconds: float = Field(600, gt=0, description="Longest download from a URL.")
    trash_days: float = Field(30, gt=0, description="How long a deleted dataset can be restored.")
    query_cache_seconds: int = Field(600, ge=0, description="How long answers of queries are kept; 0: not at all.")
    query_result_hours: float = Field(24, gt=0, description="How long the rows of a query that ran as a task are kept.")
    max_columns: int = Field(
        4000, ge=1, description="Columns a dataset may have; more than this take minutes and gigabytes to read."
    )
    orphan_hours: float = Field(24, gt=0, description="Age at which an object that no row refers to is removed.")
    task_lease_seconds: float = Field(15, ge=1, description="A worker silent for this long loses its task.")
    task_max_attempts: int = Field(3, ge=1, description="Deaths of a worker after which a task is failed as poison.")
    task_timeout_seconds: float = Field(3600, gt=0, description="Wall-clock limit of one computation.")
    task_memory_limit_mb: int = Field(2048, ge=128, description="Resident memory of one computation.")
    query_timeout_seconds: float = Field(30, gt=0, description="Wall-clock limit of one SQL query.")
    query_task_timeout_seconds: float = Field(600, gt=0, description="The same of one that runs as a task.")
    query_memory_limit_mb: int = Field(1024, ge=128, description="Resident memory of one SQL query.")
    engine_threads: int = Field(2, ge=1, description="Threads one computation may use.")
    predict_max_rows: int = Field(1000, ge=1, description="Rows of one request for predictions.")
    serving_children: int = Field(2, ge=1, description="Processes of the AI service that keep models loaded.")
    serving_waiting: int = Field(64, ge=0, description="Requests that may wait for one of them; further ones get 503.")
    serving_jobs: int = Field(10_000, ge=1, description="Requests after which such a process is replaced.")
    serving_timeout_seconds: float = Field(30, gt=0, description="Wall-clock limit of one such request.")
    serving_memory_limit_mb: int = Field(1024, ge=256, description="Resident memory of one such process.")
    serving_warm: bool = Field(False, description="Whether they load their libraries at start, not at first use.")
    rendering_timeout_seconds: float = Field(30, gt=0, description="Wall-clock limit of drawing a chart or a report.")
    rendering_memory_limit_mb: int = Field(1024, ge=512, description="Resident memory of the process that does it.")
    task_retention_days: float = Field(
        365, ge=0, description="How long ended tasks are kept, with their events and results; 0: for ever."
    )
    worker_concurrency: int = Field(
        2,
        ge=1,
        description="Tasks of a queue that a worker runs at once; of train and maintenance one, of llm its own.",
    )
    worker_queues: Words = Field(
        (), description="Queues a worker takes tasks from, comma-separated; empty: all of its service."
    )
    worker_alive_file: str = Field(
        "", description="File that a worker touches every few seconds while it works; empty: none."
    )
    worker_drain_seconds: float = Field(
        15, ge=0, description="How long a worker that is asked to stop lets tasks go on before it hands them back."
    )
    reconcile_seconds: float = Field(5, gt=0, description="How often lost tasks are looked for.")
    schedule_catch_up_most: int = Field(
        24, ge=1, description="Missed times of a schedule that are made up for at most; older ones are skipped."
    )
    webhook_networks: Words = Field(
        (), description="Private networks (CIDR) that webhooks may be sent to, comma-separated; empty: none."
    )
    webhook_timeout_seconds: float = Field(10, gt=0, description="Longest wait for the answer to a webhook.")
    webhook_attempts: int = Field(8, ge=1, description="Tries to deliver an event, with growing pauses between them.")
    webhook_retention_days: float = Field(30, gt=0, description="How long deliveries of webhooks are kept.")
    flower_enabled: bool = Field(False, description="Whether Flower shows the Celery side on a port of its own.")
    ray_enabled: bool = Field(True, description="Whether this instance has a Ray cluster.")
    ray_address: str = Field("127.0.0.1:8010", description="Head of the Ray cluster.")
    ray_auth_token: SecretStr = Field(SecretStr(""), description="Token of the Ray cluster.")


class Settings(
    ServiceSettings,
    StorageSettings,
    SecuritySettings,
    MailSettings,
    QuotaSettings,
    WorkSettings,
    LlmSettings,
    ObservabilitySettings,
):
    """Everything an instance can be told; each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True, frozen=True)

    @field_validator(
        "cors_origins",
        "trusted_proxies",
        "metrics_allow",
        "secret_keys_previous",
        "url_import_networks",
        "worker_queues",
        "webhook_networks",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object, _: ValidationInfo) -> object:
        return comma_separated(value)

    @model_validator(mode="after")
    def _strong_secrets(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            refuse_weak_secrets(self)
        return self

    @property
    def data_service_base(self) -> str:
        """Base URL of the data service, without a trailing slash."""
        return self.data_service_url.rstrip("/") or f"http://127.0.0.1:{self.data_service_port}"

    @property
    def ai_service_base(self) -> str:
        """Base URL of the AI service, without a trailing slash."""
        return self.ai_service_url.rstrip("/") or f"http://127.0.0.1:{self.ai_service_port}"


@lru_cache
def get_settings() -> Settings:
    """Settings from the environment, then from the file that ENV_FILE names (default `.env`).

    Raises:
        pydantic.ValidationError: a value is unusable, or a secret too weak for production; it names the variable.
    """
    return Settings(_env_file=os.environ.get("ENV_FILE", ".env"))
