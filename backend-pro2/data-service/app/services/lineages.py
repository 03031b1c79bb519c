"""Where a version comes from and what came of it, as a graph."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.resources import Resources

from ..repositories import lineages, versions
from ..repositories.lineages import Described, Link, Work
from ..repositories.versions import Parent
from .datasets import visible

MAX_NODES = 500

Step = Callable[[Session, UUID, Sequence[Parent], int], Awaitable[list[Link]]]


@dataclass(slots=True)
class Lineage:
    """Versions by dataset and number, None for one that is gone; what was made of what; and the work that reads them.

    `truncated` says that there is more than may be shown.
    """

    versions: dict[Parent, Described | None] = field(default_factory=dict)
    links: set[Link] = field(default_factory=set)
    work: list[Work] = field(default_factory=list)
    truncated: bool = False

    @property
    def room(self) -> int:
        """How many more versions may be shown."""
        return MAX_NODES - len(self.versions)

    def add(self, links: Iterable[Link], of: Callable[[Link], Parent]) -> list[Parent]:
        """Add links with the versions that they lead to; those that are new."""
        found: list[Parent] = []
        for link in links:
            node = of(link)
            if node not in self.versions:
                if self.room < 1:
                    self.truncated = True
                    continue
                self.versions[node] = None
                found.append(node)
            self.links.add(link)
        return found


class Lineages:
    """Use case of `/manage/datasets/{id}/lineage`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def read(self, dataset_id: UUID, user_id: UUID, number: int | None, depth: int) -> Lineage:
        """The graph round a version, the current one unless `number` is given, up to `depth` steps each way.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, it has no current version.
        """
        async with self._database.transaction(read_only=True) as session:
            dataset = await visible(session, dataset_id, user_id)
            number = dataset.current_version if number is None else number
            if number is None:
                raise Conflict("The dataset has no version that is ready; name one.", code="dataset_not_ready")
            if await versions.visible(session, dataset_id, number, user_id) is None:
                raise NotFound
            return await _graph(session, dataset.project_id, Parent(dataset_id, number), depth)


async def _graph(session: Session, project_id: UUID, start: Parent, depth: int) -> Lineage:
    graph = Lineage({start: None})
    await _walk(session, project_id, graph, start, depth, lineages.parents, lambda link: link.parent)
    below = await _walk(session, project_id, graph, start, depth, lineages.children, lambda link: link.child)
    graph.work = await lineages.work(session, project_id, below, MAX_NODES + 1)
    graph.truncated = graph.truncated or len(graph.work) > MAX_NODES
    del graph.work[MAX_NODES:]
    for row in await lineages.described(session, project_id, list(graph.versions)):
        graph.versions[Parent(row.dataset_id, row.version)] = row
    return graph


async def _walk(
    session: Session,
    project_id: UUID,
    graph: Lineage,
    start: Parent,
    depth: int,
    step: Step,
    of: Callable[[Link], Parent],
) -> list[Parent]:
    """Follow `step` from `start`, level by level; the versions met, `start` among them."""
    met, level = [start], [start]
    for _ in range(depth):
        if not level:
            break
        links = await step(session, project_id, level, MAX_NODES + 1)
        graph.truncated = graph.truncated or len(links) > MAX_NODES
        level = graph.add(links[:MAX_NODES], of)
        met += level
    return met
