"""Small disks: a folder of an instance on a file system of its own, whose size can be changed while it is in use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drill_commands import run
from drill_transcript import DrillError

ROOMY = 4_000_000_000
MOUNTS = Path("/proc/mounts")


def require_mounts() -> None:
    """Let pass who may mount.

    Raises:
        DrillError: they may not.
    """
    if not MOUNTS.exists() or os.geteuid() != 0 or not shutil.which("mount"):
        raise DrillError("a full disk needs small disks, which only root can mount, on Linux: run it as root")


@dataclass(frozen=True)
class SmallDisk:
    """A folder with a size."""

    folder: Path

    def leave(self, free: int) -> None:
        """Only so many bytes are free from now on."""
        found = os.statvfs(self.folder)
        self._resize((found.f_blocks - found.f_bfree) * found.f_frsize + free)

    def grow(self) -> None:
        """Somebody has given it room."""
        self._resize(ROOMY)

    @property
    def free(self) -> int:
        """Bytes that are free."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def _resize(self, size: int) -> None:
        run("mount", "-o", f"remount,size={size}", self.folder)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """The folder and what is in it on a disk of its own, while its instance stands still; gone afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner, aside = folder.stat(), folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    mode = f"{owner.st_mode & 0o7777:o}"
    options = f"size={ROOMY},mode={mode},uid={owner.st_uid},gid={owner.st_gid}"
    try:
        run("mount", "-t", "tmpfs", "-o", options, "drill", folder)
        run("cp", "--archive", f"{aside}/.", folder)
        shutil.rmtree(aside)
        yield SmallDisk(folder)
    finally:
        unmount_below(folder)


def unmount_below(place: Path) -> None:
    """Take away all small disks there, also those that a killed drill has left."""
    for line in MOUNTS.read_text().splitlines() if MOUNTS.exists() else []:
        source, target, *_ = line.split(" ")
        if source == "drill" and Path(target).is_relative_to(place.resolve()):
            run("umount", "--lazy", target)
