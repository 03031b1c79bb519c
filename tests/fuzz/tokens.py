"""Forged tokens, keys and signatures to the real code that verifies them, and some of them to a running instance."""

import argparse
import asyncio

from .cases import chance, chosen, numbers, shares
from .report import Report
from .target import add_target, target
from .token_doors import knock
from .token_verifiers import Verifier, verifiers

COUNT = 1_000_000
SAMPLE = 20_000
HTTP = "over HTTP"
WEIGHTS = {
    "access tokens": 40.0,
    "refresh tokens": 25.0,
    "headers": 15.0,
    "API keys": 12.0,
    "models": 4.0,
    "webhook secrets": 4.0,
}
# Of so many cases one more is a good one, which must pass.
A_GOOD_ONE_IN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many of them go over HTTP; 0 needs no instance")


def run(options: argparse.Namespace) -> Report:
    """`count` forgeries in this process, and `sample` over HTTP."""
    report = Report("tokens", options.seed)
    in_process(report, options)
    if options.sample and options.part in (None, HTTP):
        with target(options) as place:
            asyncio.run(knock(place, numbers(options.sample, options), report, HTTP))
    return report


def in_process(report: Report, options: argparse.Namespace) -> None:
    """The same, without the sample."""
    known = verifiers(chance(report.seed, "good ones", 0))
    counts = shares(WEIGHTS, options.count or COUNT)
    for part in chosen([*known, HTTP], options):
        if part == HTTP:
            continue
        for number in numbers(counts[part], options):
            _try(report, part, number, known[part])


def _try(report: Report, part: str, number: int, verifier: Verifier) -> None:
    dice = chance(report.seed, part, number)
    trick, forged = verifier.forged(dice)
    _note(report, part, number, verifier, forged, expected=False, told=trick)
    if number % A_GOOD_ONE_IN == 0:
        _note(report, part, number, verifier, verifier.good(dice), expected=True, told="a good one")


def _note(
    report: Report, part: str, number: int, verifier: Verifier, what: object, *, expected: bool, told: str
) -> None:
    try:
        accepted = verifier.accepts(what)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no refusal
        report.count(part, "raises")
        report.fail(part, number, f"{told}: {error!r} for {what!r}"[:600])
        return
    report.count(part, "good, accepted" if expected and accepted else "refused")
    if accepted != expected:
        report.fail(part, number, f"{told}: {'accepted' if accepted else 'refused'}: {what!r}"[:600])
