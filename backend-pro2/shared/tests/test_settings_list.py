"""The reference of settings says what is declared and who reads it."""

import re

import pytest

from shared.config import Settings
from shared.testing.setting_readers import readers
from shared.testing.settings_list import document, who

READ_BY = readers(list(Settings.model_fields))
ROWS = {
    row[0].strip("`"): row[1:]
    for line in document().splitlines()
    if line.startswith("| `") and (row := [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
}


@pytest.mark.parametrize(
    ("name", "processes"),
    [
        ("smtp_host", ["gateway"]),
        ("data_service_url", ["gateway"]),
        ("serving_children", ["ai"]),
        ("url_import_seconds", ["data worker"]),
        ("reconcile_seconds", ["data worker", "ai worker"]),
        # Of a module that is imported by name.
        ("llm_idle_seconds", ["ai", "ai worker"]),
        # Of the program that serves, which no application imports.
        ("http_workers", ["gateway", "data", "ai"]),
    ],
)
def test_readers_are_those_whose_code_asks(name: str, processes: list[str]) -> None:
    assert READ_BY[name] == processes


def test_every_setting_is_read_by_a_process() -> None:
    assert [name for name, processes in READ_BY.items() if not processes] == []


@pytest.mark.parametrize(
    ("processes", "words"),
    [
        (["gateway", "data", "ai", "data worker", "ai worker"], "all"),
        (["gateway", "data", "ai", "ai worker"], "services, ai worker"),
        (["ai", "data worker", "ai worker"], "workers, ai"),
        ([], "scripts"),
    ],
)
def test_readers_are_told_in_few_words(processes: list[str], words: str) -> None:
    assert who(processes) == words


def test_every_setting_has_its_row() -> None:
    assert {name.upper() for name in Settings.model_fields} <= ROWS.keys()
    assert "POSTGRES_IMAGE" in ROWS


def test_rows_show_type_default_and_limits() -> None:
    assert ROWS["HTTP_WORKERS"][:4] == ["whole number", "`1`", "≥ 1, ≤ 64", "services"]
    assert ROWS["TRACE_SAMPLE_RATIO"][:3] == ["number", "`0.1`", "≥ 0, ≤ 1"]
    assert ROWS["LLM_TEMPERATURE"][:3] == ["number or empty", "`0.0`", "≥ 0, ≤ 2"]
    assert ROWS["LLM_POLICY"][2] == "`schema`, `aggregates`, `rows`"
    assert ROWS["ENVIRONMENT"][1:3] == ["`development`", "`development`, `test`, `production`"]
    assert ROWS["SERVING_WARM"][:2] == ["true or false", "`false`"]
    assert ROWS["LLM_PROJECT_MONTHLY_COST"][2] == "≥ 0"


def test_secrets_are_called_so_and_their_defaults_not_shown() -> None:
    assert ROWS["SECRET_KEY"][:2] == ["secret", "a placeholder"]
    assert ROWS["SECRET_KEYS_PREVIOUS"][0] == "secrets"
    assert ROWS["POSTGRES_PASSWORD"][0] == "a placeholder; secret"
    assert "123@" not in document()
