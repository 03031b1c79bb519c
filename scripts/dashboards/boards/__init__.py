"""The dashboards, each in a module of its own."""

from .llm import LLM
from .model import Board
from .overview import OVERVIEW
from .services import SERVICES
from .stores import STORES
from .tasks import TASKS

BOARDS: tuple[Board, ...] = (OVERVIEW, SERVICES, TASKS, STORES, LLM)
