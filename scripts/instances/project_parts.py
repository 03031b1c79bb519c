"""What belongs to an instance outside its folder, and what the making and the removing of one have in common."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from compose import docker
from console import Refusal, note
from containers import FOLDER, PROJECT
from instance import ROOT, RUN, Instance, all_instances

OVERLAYS = Path("deployments/overlays")
README = ROOT / "README.md"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Only one instance is made or removed at a time."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "projects.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("another instance is being made or removed; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def asks(*, yes: bool) -> bool:
    """Whether there is somebody to ask."""
    return not yes and sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str, *, otherwise: bool) -> bool:
    """What the person at the terminal answers; `otherwise` is what a bare return key means."""
    sys.stderr.write(f"{question} [{'Y/n' if otherwise else 'y/N'}] ")
    sys.stderr.flush()
    said = sys.stdin.readline().strip().lower()
    return said.startswith("y") if said else otherwise


def ports_of(number: int) -> dict[str, str]:
    """The port plan of an instance by its number."""
    done = _bash(str(ROOT / "config" / "ports.sh"), str(number))
    return dict(line.split("=", 1) for line in done.splitlines())


def largest_number() -> int:
    """The last number whose ports are free of other instances' ports."""
    return int(_bash("-c", '. "$1" && echo "$MAXIMUM_NUMBER"', "bash", str(ROOT / "config" / "ports.sh")))


def show_ports() -> bool:
    """Bring the README's table of ports to the instances that there are; says whether there is one."""
    if not README.exists():
        return False
    numbers = [str(instance.number) for instance in all_instances()]
    _bash(str(ROOT / "config" / "render-ports.sh"), "--into", str(README), *numbers)
    return True


def _bash(*arguments: str) -> str:
    done = subprocess.run(["bash", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(done.stderr.strip().removeprefix("error: "))
    return done.stdout


def overlay_of(name: str) -> Path:
    """Where the instance's Kubernetes overlay is, or would be."""
    return ROOT / OVERLAYS / name


def make_overlay(instance: Instance, source: str = "pro1") -> bool:
    """Copy the overlay of another instance unless there is one; says whether it did.

    An overlay holds only what differs between instances: the name and each port of the plan become the new one's.
    """
    target = overlay_of(instance.name)
    if target.exists() or not overlay_of(source).is_dir():
        return False
    draft = RUN / f"overlay-{instance.name}"
    shutil.rmtree(draft, ignore_errors=True)
    fill_overlay(draft, instance.name, source)
    draft.replace(target)
    return True


def fill_overlay(target: Path, name: str, source: str = "pro1") -> None:
    """Put into a folder what the overlay of instance `name` is to be: that of `source`, translated."""
    words = {source: name}
    ours = ports_of(int(name.removeprefix("pro")))
    words |= {port: ours[variable] for variable, port in ports_of(int(source.removeprefix("pro"))).items()}
    for file in _own_files(OVERLAYS / source):
        _copy_translated(ROOT / file, target / translated(str(file.relative_to(OVERLAYS / source)), words), words)


def translated(text: str, words: Mapping[str, str]) -> str:
    """The text with these words in place of those, where they stand alone: not in `pro12`, not in 8000m."""
    word = "|".join(re.escape(one) for one in sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-z0-9])(?:{word})(?![A-Za-z0-9]|\.\d)", lambda found: words[found[0]], text)


def _own_files(folder: Path) -> list[Path]:
    # Not what git ignores: secrets of the other instance may lie there.
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(folder)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _copy_translated(source: Path, target: Path, words: Mapping[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    try:
        content = translated(content.decode(), words).encode()
    except UnicodeDecodeError:
        note(f"  {source} is no text: copied as it is")
    target.write_bytes(content)
    shutil.copymode(source, target)


def compose_project(instance: Instance) -> str:
    """What its containers, volumes and images are named after."""
    return instance.values.get("COMPOSE_PROJECT_NAME") or f"ai-platform-{instance.name}"


def images_of(project: str) -> list[str]:
    """Our own images of this name; none where no engine answers."""
    names = [f"--filter=reference={project}-{kind}" for kind in ("backend", "gateway")]
    return _asked("image", "ls", "--format={{.Repository}}:{{.Tag}}", *names)


def remove_images(images: Iterable[str]) -> None:
    """Delete them; one that something else uses stays."""
    for image in images:
        if not _asked("image", "rm", image):
            note(f"image {image} is in use and stays")


def volumes_of(project: str) -> list[str]:
    """The volumes that containers of this name have left or use; none where no engine answers."""
    return _asked("volume", "ls", "--quiet", f"--filter=label={PROJECT}={project}")


def containers_of(instance: Instance) -> list[str]:
    """Its containers that run, without those that another checkout has under its name; none where no engine answers."""
    labels = (f"{PROJECT}={compose_project(instance)}", f"{FOLDER}={instance.code}")
    return _asked("container", "ls", "--quiet", *(f"--filter=label={label}" for label in labels))


def _asked(*arguments: str) -> list[str]:
    try:
        return docker(*arguments).split()
    except Refusal:
        return []
