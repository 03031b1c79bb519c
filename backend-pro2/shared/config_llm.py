"""Settings of the LLM: where it is, what it may see, how long it is waited for, and what it may cost."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

MEBIBYTE = 1024 * 1024

Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


class LlmPrice(BaseModel):
    """Prices of a model for a million tokens; `cached` are those of `in` that the server had in its cache."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens_in: Price = Field(alias="in")
    tokens_out: Price = Field(alias="out")
    tokens_cached: Price | None = Field(None, alias="cached")


class LlmSettings(BaseSettings):
    """The language model; any server that speaks OpenAI's `chat.completions`."""

    openai_api_key: SecretStr = Field(SecretStr(""), description="Key of the LLM; empty: LLM routes answer 503.")
    openai_base_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+(/[^?#@\s]*)?)?$",
        description="Any OpenAI-compatible server; an address without a path gets /v1; empty: OpenAI.",
    )
    openai_model: str = Field("gpt-4o-mini", min_length=1, description="Model asked for.")
    llm_policy: str = Field(
        "aggregates",
        pattern="^(schema|aggregates|rows)$",
        description="What the LLM may see of a project whose owner has not decided: schema, aggregates or rows.",
    )
    llm_temperature: Annotated[Annotated[float, Field(ge=0, le=2)] | None, BeforeValidator(_none_if_empty)] = Field(
        0.0, description="Sent along with each request; empty: not at all, for models that refuse it."
    )
    llm_tokens_parameter: str = Field(
        "max_tokens",
        pattern="^(max_tokens|max_completion_tokens)$",
        description="How the server calls the limit of an answer: max_tokens or max_completion_tokens.",
    )
    llm_timeout_seconds: float = Field(120, gt=0, description="Longest wait for a whole answer of the LLM.")
    llm_idle_seconds: float = Field(
        30, gt=0, description="An answer that has begun and then sends nothing for so long is given up."
    )
    llm_max_answer_bytes: int = Field(
        4 * MEBIBYTE,
        ge=1024,
        description="Longest answer taken from the LLM, in bytes as they come; cut while reading.",
    )
    llm_attempts: int = Field(3, ge=1, le=10, description="Requests made at most for one answer, with pauses between.")
    llm_retry_after_seconds: float = Field(
        20, ge=0, description="Longest pause before another request; a server that asks for more is taken as away."
    )
    llm_wait_seconds: float = Field(
        30, ge=0, description="How long a task waits in the queue for an LLM that is away before it fails."
    )
    llm_concurrency: int = Field(8, ge=1, description="LLM tasks that a worker runs at once, and requests under way.")
    llm_cache_seconds: int = Field(
        3600, ge=0, description="How long an answer is kept for the same request in the same project; 0: not at all."
    )
    llm_prices: dict[str, LlmPrice] = Field(
        {},
        description='Prices for a million tokens by model, as JSON: {"gpt-4o-mini": {"in": 0.15, "out": 0.6, '
        '"cached": 0.075}}; a model that is not in it costs nothing.',
    )
    llm_user_monthly_tokens: int = Field(
        0, ge=0, description="LLM tokens a user may spend in a calendar month, over all projects; 0: as many as wanted."
    )
    llm_project_monthly_cost: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Field(
        Decimal(0),
        description="What a project may spend in a calendar month, in the currency of LLM_PRICES; 0: no limit.",
    )
    llm_egress_days: float = Field(
        90, ge=0, description="How long the egress ledger keeps what was sent to the LLM and came back; 0: for ever."
    )

    @model_validator(mode="after")
    def _costs_are_known(self) -> Self:
        if self.llm_project_monthly_cost and self.openai_model not in self.llm_prices:
            raise ValueError("LLM_PROJECT_MONTHLY_COST needs a price of OPENAI_MODEL in LLM_PRICES")
        return self
