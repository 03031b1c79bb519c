"""Settings: defaults, spellings and what production refuses."""

import pytest
from pydantic import ValidationError

from shared.config import Environment, Settings

STRONG = {
    "environment": "production",
    "secret_key": "k" * 40,
    "database_url": "postgresql://app:Zm9vYmFy@db:5432/app",
    "redis_url": "redis://:Zm9vYmFy@cache:6379/0",
    "s3_access_key": "a1b2c3d4e5",
    "s3_secret_key": "f6g7h8i9j0",
    "ray_auth_token": "t" * 40,
}


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def test_development_works_without_any_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    assert settings().environment is Environment.DEVELOPMENT


def test_sqlalchemy_spelling_of_the_database_url_is_understood() -> None:
    url = settings(database_url="postgresql+asyncpg://u:p@h:1/d").database_url.get_secret_value()
    assert url == "postgresql://u:p@h:1/d"


def test_a_database_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="must begin with postgresql://"):
        settings(database_url="mysql://u:p@h/d")


@pytest.mark.parametrize(
    ("text", "expected"), [("", ()), ("https://a.example", ("https://a.example",)), (" a , ,b ", ("a", "b"))]
)
def test_lists_are_comma_separated(text: str, expected: tuple[str, ...]) -> None:
    assert settings(cors_origins=text).cors_origins == expected


def test_upstreams_default_to_their_ports_here() -> None:
    assert settings(data_service_port=8101).data_service_base == "http://127.0.0.1:8101"
    assert settings(ai_service_url="http://ai:8002/").ai_service_base == "http://ai:8002"


def test_production_accepts_strong_secrets() -> None:
    assert settings(**STRONG).environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("secret_key", "your-super-secret-key-32-chars-minimum"),
        ("secret_key", "tiny-key"),
        ("secret_keys_previous", "tiny-key"),
        ("database_url", "postgresql://postgres:postgres123@db/app"),
        ("redis_url", "redis://:redis123@cache/0"),
        ("s3_secret_key", "minioadmin123"),
        ("ray_auth_token", ""),
    ],
)
def test_production_refuses_weak_secrets_and_names_the_variable(variable: str, value: str) -> None:
    name = "SECRET_KEY" if variable == "secret_keys_previous" else variable.upper()
    with pytest.raises(ValidationError, match=name) as refusal:
        settings(**{**STRONG, variable: value})
    assert not value or value not in str(refusal.value)


def test_every_variable_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("openai_base_url", "https://name:word@llm.example/v1"),
        ("openai_base_url", "llm.example"),
        ("llm_policy", "everything"),
        ("llm_temperature", "3"),
        ("llm_prices", '{"m": {"in": -1, "out": 1}}'),
        ("llm_prices", '{"m": {"in": 1}}'),
        ("llm_prices", '{"m": {"in": 1, "out": 1, "per": "token"}}'),
        ("llm_project_monthly_cost", "-1"),
    ],
)
def test_settings_of_the_llm_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable.upper(), value)
    with pytest.raises(ValidationError, match=variable):
        settings()


def test_settings_of_the_llm_as_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PRICES", '{"m": {"in": 0.15, "out": "0.6"}}')
    monkeypatch.setenv("LLM_TEMPERATURE", "")
    monkeypatch.setenv("OPENAI_MODEL", "m")
    monkeypatch.setenv("LLM_PROJECT_MONTHLY_COST", "12.50")
    made = settings()
    price = made.llm_prices["m"]
    assert (str(price.tokens_in), str(price.tokens_out), price.tokens_cached) == ("0.15", "0.6", None)
    assert (made.llm_temperature, str(made.llm_project_monthly_cost)) == (None, "12.50")


def test_a_limit_of_costs_needs_a_price() -> None:
    with pytest.raises(ValidationError, match="LLM_PROJECT_MONTHLY_COST needs a price of OPENAI_MODEL"):
        settings(llm_project_monthly_cost=1)
