"""The reference of settings says what is declared and who reads it."""

import re
from collections.abc import Mapping
from functools import lru_cache

import pytest

from shared.config import Settings
from shared.testing.setting_readers import readers
from shared.testing.settings_list import document, who


@lru_cache
def read_by() -> Mapping[str, list[str]]:
    return readers(list(Settings.model_fields))


@lru_cache
def rows() -> Mapping[str, list[str]]:
    found = [line for line in document().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found]
    return {name.strip("`"): rest for name, *rest in cells}


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
    assert read_by()[name] == processes


def test_every_setting_is_read_by_a_process() -> None:
    assert [name for name, processes in read_by().items() if not processes] == []


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
    assert {name.upper() for name in Settings.model_fields} <= rows().keys()
    assert "POSTGRES_IMAGE" in rows()


def test_rows_show_type_default_and_limits() -> None:
    assert rows()["HTTP_WORKERS"][:4] == ["whole number", "`1`", "≥ 1, ≤ 64", "services"]
    assert rows()["TRACE_SAMPLE_RATIO"][:3] == ["number", "`0.1`", "≥ 0, ≤ 1"]
    assert rows()["LLM_TEMPERATURE"][:3] == ["number or empty", "`0.0`", "≥ 0, ≤ 2"]
    assert rows()["LLM_POLICY"][2] == "`schema`, `aggregates`, `rows`"
    assert rows()["ENVIRONMENT"][1:3] == ["`development`", "`development`, `test`, `production`"]
    assert rows()["SERVING_WARM"][:2] == ["true or false", "`false`"]
    assert rows()["LLM_PROJECT_MONTHLY_COST"][2] == "≥ 0"


def test_secrets_are_called_so_and_their_defaults_not_shown() -> None:
    assert rows()["SECRET_KEY"][:2] == ["secret", "a placeholder"]
    assert rows()["SECRET_KEYS_PREVIOUS"][0] == "secrets"
    assert rows()["POSTGRES_PASSWORD"][0] == "a placeholder; secret"
    assert "123@" not in document()
