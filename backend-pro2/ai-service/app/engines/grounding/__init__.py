"""Every number in a model's prose is traced to a cell of an executed result, or struck."""

from .cells import GroundTable
from .claims import Claim, Grounded, ground, retell
from .stream import GroundingStream

__all__ = ["Claim", "GroundTable", "Grounded", "GroundingStream", "ground", "retell"]
