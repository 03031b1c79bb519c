"""Calls made from an instance's OpenAPI documents: no server error, no status or content that they do not describe."""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..adversarial.places import Place
from ..e2e.llm import scripted
from .cases import chosen
from .openapi_campaign import PARTS, Campaign
from .report import Report
from .target import add_target, target

CASES = 20_000
# Beside the ports of an instance's own programs, as scripts/test.sh has it.
MODEL_OFFSET = 98


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that other campaigns do not have."""
    add_target(parser)


def run(options: argparse.Namespace) -> Report:
    """So many cases of each part: what the gateway, the data service and the AI service do, and chains over all."""
    report = Report("openapi", options.seed)
    with target(options, _settings(options.number)) as place, _model(place):
        campaign = Campaign(place, report)
        for part in chosen(PARTS, options):
            campaign.run(part, options.count or CASES, options.only)
        campaign.close()
    return report


def _settings(number: int) -> dict[str, str]:
    port = 8000 + 100 * (number - 1) + MODEL_OFFSET
    return {
        "OPENAI_API_KEY": "sk-scripted-0123456789abcdef",
        "OPENAI_MODEL": "scripted",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}",
        # So that what was asked for is done soon.
        "QUOTA_TASKS": "40",
    }


@contextmanager
def _model(place: Place) -> Iterator[None]:
    """A model that repeats what it is told, where the instance has one on this machine."""
    with ExitStack() as stack:
        if "127.0.0.1" in place.instance.values.get("OPENAI_BASE_URL", ""):
            os.environ["ENV_FILE"] = str(place.instance.env_file)
            stack.enter_context(scripted({}, Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        yield
