"""Local or docker: what runs an instance now, or ran it last; remembered with the instance."""

from instance import Instance

LOCAL, DOCKER = "local", "docker"


def mode_of(instance: Instance, asked: str | None = None) -> str:
    """What was asked for, else what was started last, else local."""
    if asked:
        return asked
    file = instance.run / "mode"
    return DOCKER if file.exists() and file.read_text().strip() == DOCKER else LOCAL


def remember_mode(instance: Instance, mode: str) -> None:
    """Stop, status, logs and the rest follow what was started."""
    instance.run.mkdir(parents=True, exist_ok=True)
    (instance.run / "mode").write_text(mode + "\n")


def forget_mode(instance: Instance) -> None:
    """Nothing is left that ran in it."""
    (instance.run / "mode").unlink(missing_ok=True)
