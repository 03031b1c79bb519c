"""Campaigns of made-up input, on the command line; `scripts/fuzz.sh` runs it."""

import argparse
import random
import signal
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# As pyproject.toml has them for tests, and the product's source.
sys.path[:0] = [str(ROOT / "scripts" / "instances"), str(ROOT / "backend-pro1")]
# As a shell has it.
INTERRUPTED = 130
CAMPAIGNS = {
    "http": "bytes over TCP to each service of an instance",
    "files": "damaged input to everything that reads what users send",
    "tokens": "forged tokens and keys to whatever verifies them",
    "openapi": "calls made from the OpenAPI documents of an instance",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fuzz.sh")
    campaigns = parser.add_subparsers(dest="campaign", required=True)
    for name, text in CAMPAIGNS.items():
        # Only what is asked for is loaded: each brings libraries of its own.
        if name in sys.argv[1:2]:
            _add_options(campaigns.add_parser(name, help=text), name)
        else:
            campaigns.add_parser(name, help=text)
    return parser


def _add_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randint(1, 999_999))
    parser.add_argument("--count", type=int, help="how many cases; the default is that of the long form")
    parser.add_argument("--part", help="only this part of the campaign")
    parser.add_argument("--only", type=int, help="only the case of this number in each part")
    import_module(f"tests.fuzz.{name}").add_arguments(parser)


def main() -> int:
    """Run a campaign and tell about it; 1 if anything was wrong."""
    # Ended so it puts away what it has started, and tells what it has seen, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parser().parse_args()
    campaign = import_module(f"tests.fuzz.{options.campaign}")
    try:
        report = campaign.run(options).ended()
    except KeyboardInterrupt:
        import_module("console").note("interrupted; until then:")
        if begun := import_module("tests.fuzz.report").Report.latest:
            begun.ended().tell()
        return INTERRUPTED
    report.tell()
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
