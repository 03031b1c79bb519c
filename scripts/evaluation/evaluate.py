"""Ask an instance a set of questions whose answers are known: scripts/evaluation/evaluate.py --url http://127.0.0.1:8000."""

import argparse
import asyncio
import sys
from pathlib import Path

import aiohttp

from asker import Asker, EvaluationError
from question_set import DEFAULT, FlawedSet, QuestionSet, read_set
from scores import Outcome, Scores, judge, score
from scores_text import as_text, head, line, write_report

# Of one request; a question is waited for by many.
TIMEOUT_SECONDS = 180


def say(text: str) -> None:
    """Print a line for the person who watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def evaluate(url: str, chosen: QuestionSet) -> Scores:
    """Ask all questions, one after the other."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
        asker = Asker(session, url)
        await asker.sign_up()
        project_id = await asker.make_project(f"Evaluation: {chosen.name}")
        say(f"{chosen.name}: {len(chosen.questions)} questions, data sets {', '.join(chosen.datasets)}")
        datasets = {name: await asker.upload(project_id, name, content) for name, content in chosen.datasets.items()}
        say(head())
        outcomes: list[Outcome] = []
        for question in chosen.questions:
            asked = await asker.ask(project_id, [datasets[name] for name in question.datasets], question.text)
            outcomes.append(judge(question, asked))
            say(line(outcomes[-1]))
        return score(outcomes)


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--questions", type=Path, default=DEFAULT)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--limit", type=_positive)
    parser.add_argument("--least", type=_share, default=0.0)
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _share(text: str) -> float:
    if not 0 <= (share := float(text)) <= 1:
        raise argparse.ArgumentTypeError("must be a fraction between 0 and 1, such as 0.8")
    return share


def main() -> int:
    """Ask, show, write the report; 0 if it ran to its end and the accuracy is as high as it must be."""
    options = options_of()
    try:
        chosen = read_set(options.questions).first(options.limit)
        scores = asyncio.run(evaluate(options.url, chosen))
    except (EvaluationError, FlawedSet) as error:
        return _failed(str(error))
    except (aiohttp.ClientError, TimeoutError) as error:
        return _failed(f"{options.url} does not answer ({error or type(error).__name__}): run ./scripts/start-dev.sh")
    say("\n" + as_text(scores))
    if options.report is not None:
        write_report(scores, chosen.name, options.report)
        say(f"\nReport                       {options.report}")
    if scores.accuracy < options.least:
        return _failed(f"the accuracy is {scores.accuracy:.3f}, at least {options.least:g} was asked for")
    return 0


def _failed(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
