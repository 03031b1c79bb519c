"""Drills on the command line: one of them, on an instance of its own; scripts/drill.sh calls it."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

import drill_backup
import drill_disk
import drill_keys
import drill_upgrade
from drill_transcript import DrillError, Transcript


def main(arguments: Sequence[str]) -> int:
    """Do one drill; 0 when every promise held, 1 when one did not or it could not be finished."""
    options = _parser().parse_args(arguments)
    # So that its instance is stopped and deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    said = Transcript()
    try:
        KINDS[options.kind](said, options)
    except DrillError as error:
        said.promise(f"the drill comes to its end: {error}", found=False)
    except KeyboardInterrupt:
        said.say("interrupted")
        return 130
    return said.end(options.kind)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="drill", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only-next", action="store_true")
    parser.add_argument("--from", dest="since", default="")
    parser.add_argument("--place", action="append", default=[], choices=drill_disk.PLACES)
    return parser


def _backup(said: Transcript, options: argparse.Namespace) -> None:
    drill_backup.drill(said, options.number, drill_backup.SMALL if options.small else drill_backup.Size())


def _upgrade(said: Transcript, options: argparse.Namespace) -> None:
    drill_upgrade.drill(said, options.number, options.since, only_next=options.only_next)


def _keys(said: Transcript, options: argparse.Namespace) -> None:
    drill_keys.drill(said, options.number, small=options.small)


def _disk(said: Transcript, options: argparse.Namespace) -> None:
    drill_disk.drill(said, options.number, options.place or list(drill_disk.PLACES))


KINDS: dict[str, Callable[[Transcript, argparse.Namespace], None]] = {
    "backup": _backup,
    "upgrade": _upgrade,
    "keys": _keys,
    "disk": _disk,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
