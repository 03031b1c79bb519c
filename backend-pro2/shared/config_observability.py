"""Settings of what can be seen from outside: metrics, log lines, error reports, traces."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from shared.config_rules import Words, header_fields


class ObservabilitySettings(BaseSettings):
    """How an instance shows what it does."""

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field(
        "auto",
        pattern="^(auto|json|console)$",
        description="json (one object a line), console (for a person), or auto: console in a terminal, else json.",
    )
    slow_request_seconds: float = Field(1.0, gt=0, description="Requests slower than this are logged as slow_request.")
    sentry_dsn: SecretStr = Field(SecretStr(""), description="Where errors are reported; empty: nowhere.")
    metrics_allow: Words = Field(
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        description="Networks (CIDR) that may read /metrics, comma-separated.",
    )
    data_worker_metrics_port: int = Field(
        8043, ge=0, le=65535, description="Port at which the data worker shows its metrics; 0: none."
    )
    ai_worker_metrics_port: int = Field(
        8044, ge=0, le=65535, description="Port at which the AI worker shows its metrics; 0: none."
    )
    otlp_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+(/[^?#@\s]*)?)?$",
        description="Collector of traces, OTLP over HTTP, like http://collector:4318; empty: nothing is traced.",
    )
    otlp_headers: SecretStr = Field(
        SecretStr(""),
        description="Header fields for the collector: name=value, comma-separated, values percent-encoded.",
    )
    trace_sample_ratio: float = Field(
        0.1, ge=0, le=1, description="Part of the traces that is recorded, from 0 to 1, where no caller has decided."
    )
    trace_max_per_second: float = Field(
        50, gt=0, description="Traces that begin in a process and are recorded, a second at most; a flood stays cheap."
    )

    @field_validator("otlp_headers")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        header_fields(value.get_secret_value())
        return value
