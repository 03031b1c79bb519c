"""Tracing begins where there is a collector; elsewhere its SDK is not even there."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.config import Settings
from shared.config_rules import header_fields
from shared.tracing.setup import resource_of, url_of

ROOT = Path(__file__).parents[2]
# What the driver of Redis imports of it by itself is none of ours.
_LOADED = "any(m.startswith(('opentelemetry.sdk.trace', 'opentelemetry.exporter')) for m in sys.modules)"
_APP = """
import sys, threading
from shared.config import Settings
from shared.app_factory import create_service
from shared.middleware.tracing import TracingMiddleware
app = create_service(name="things", title="T", description="D", settings=Settings(_env_file=None), routers=())
outermost = app.edge._app
"""


def said(script: str, **variables: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(  # noqa: S603 - our own words
        command, cwd=ROOT, env={"PATH": "", **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_without_a_collector_nothing_is_loaded_and_nothing_stands_in_the_way() -> None:
    script = f"{_APP}\nprint({_LOADED}, isinstance(outermost, TracingMiddleware))"
    assert said(script) == "False False"


def test_with_one_it_begins_and_ends() -> None:
    script = f"""{_APP}
from shared.tracing.setup import stop_tracing
names = [thread.name for thread in threading.enumerate()]
stop_tracing()
stop_tracing()
print({_LOADED}, isinstance(outermost, TracingMiddleware), "traces" in names)"""
    assert said(script, OTLP_ENDPOINT="http://127.0.0.1:9") == "True True True"


def test_the_fork_server_of_children_has_neither_sdk_nor_thread() -> None:
    script = f"import sys, threading, shared.compute.server; print({_LOADED}, threading.active_count())"
    assert said(script, OTLP_ENDPOINT="http://127.0.0.1:9") == "False 1"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://vendor.example/otlp", "https://vendor.example/otlp/v1/traces"),
        ("https://vendor.example/v1/traces", "https://vendor.example/v1/traces"),
    ],
)
def test_traces_go_below_the_collector_s_address(endpoint: str, url: str) -> None:
    assert url_of(Settings(_env_file=None, otlp_endpoint=endpoint).otlp_endpoint) == url


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://x", "http://user:word@x", "http://x?key=1", "http://"])
def test_other_addresses_are_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, otlp_endpoint=endpoint)


def test_header_fields_are_read() -> None:
    assert header_fields("Authorization=Basic%20abc%3D, x-team = a ,") == {"authorization": "Basic abc=", "x-team": "a"}
    assert header_fields("") == {}


@pytest.mark.parametrize("text", ["hush-hush", "a b=hush", "x=", "=hush", "x=hush%0d%0ay: z", "x=hush\nz", "x=höre"])
def test_broken_header_fields_are_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, otlp_headers=text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "nan"])
def test_the_ratio_is_a_part(ratio: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, trace_sample_ratio=ratio)


def test_who_speaks_is_told_without_secrets() -> None:
    settings = Settings(_env_file=None)
    told = resource_of(settings, "things")
    assert told["service.name"] == "things"
    assert told["project"] == settings.project_id
    assert {"service.version", "deployment.environment.name", "service.instance.id"} <= told.keys()
    assert settings.secret_key.get_secret_value() not in told.values()
