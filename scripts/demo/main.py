"""Run the demo against a gateway: scripts/demo/main.py --url http://127.0.0.1:8000 --chart FILE."""

import argparse
import asyncio
import sys
from pathlib import Path

import aiohttp

from chart import page
from client import Client, DemoError, say
from job import Outcome, run
from report import as_text

# statsmodels and R agree on this for the in-sample fit of all ten features.
EXPECTED_R2 = 0.517748
TIMEOUT_SECONDS = 180


async def _job(url: str) -> Outcome:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
        return await run(Client(session, url))


def main() -> int:
    """Do the job, show the result, write the chart; 0 only if R squared is what it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--chart", type=Path, required=True)
    options = parser.parse_args()
    try:
        outcome = asyncio.run(_job(options.url))
    except (DemoError, aiohttp.ClientError, TimeoutError) as error:
        say(f"error: {error or type(error).__name__}")
        return 1
    say("\n" + as_text(outcome) + "\n")
    options.chart.parent.mkdir(parents=True, exist_ok=True)
    options.chart.write_text(page(outcome))
    say(f"Chart       {options.chart}")
    found = round(outcome.result["summary"]["r2"], 6)
    if found != EXPECTED_R2:
        say(f"error: R squared is {found}, expected {EXPECTED_R2}")
        return 1
    return 0


sys.exit(main())
