"""Roles in a project."""

from enum import StrEnum


class ProjectRole(StrEnum):
    """What a member may do: viewers read, editors change, owners also decide about the project itself."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Greater may do more."""
        return tuple(ProjectRole).index(self)
