"""Make and remove instances on the command line; scripts/new-project.sh and scripts/remove-project.sh call it."""

import argparse
import sys
from collections.abc import Sequence

from console import reported
from project_new import new_project
from project_remove import Wish, remove_project


def main(arguments: Sequence[str]) -> int:
    """Run one command; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: int(options.command(options)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="projects", description=__doc__)
    commands = parser.add_subparsers(required=True)
    new = commands.add_parser("new")
    new.set_defaults(command=_new)
    new.add_argument("--number", type=int)
    remove = commands.add_parser("remove")
    remove.set_defaults(command=_remove)
    remove.add_argument("--project", required=True)
    remove.add_argument("--keep-data", action="store_true")
    for one in (new, remove):
        one.add_argument("--yes", action="store_true")
    return parser


def _new(options: argparse.Namespace) -> int:
    new_project(options.number, yes=options.yes)
    return 0


def _remove(options: argparse.Namespace) -> int:
    remove_project(options.project, Wish(yes=options.yes, keep_data=options.keep_data))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
