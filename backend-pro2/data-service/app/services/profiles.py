"""The profile of a version, as JSON and as a page to keep."""

from dataclasses import dataclass
from uuid import UUID

from ..schemas.profiles import ProfileModel
from .datasets import Datasets
from .engine import Engine


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """An HTML page, and the name to save it under."""

    html: str
    filename: str


class Profiles:
    """Use cases of `/manage/datasets/{id}/profile`."""

    def __init__(self, engine: Engine, datasets: Datasets) -> None:
        self._engine = engine
        self._datasets = datasets

    async def read(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> ProfileModel:
        """The profile of a ready version, the current one unless `number` is given.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        return ProfileModel.model_validate(await self._datasets.profile(dataset_id, user_id, number))

    async def report(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> ProfileReport:
        """The profile as one HTML page that needs nothing else.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        version = await self._datasets.version(dataset_id, user_id, number)
        profile = await self.read(dataset_id, user_id, version.version)
        # Older profiles lack some members; the model has filled them in.
        job = {"name": version.name, "version": version.version, "profile": profile.model_dump(by_alias=True)}
        answer = await self._engine.run("profiling.report:render", job)
        return ProfileReport(answer["html"], f"{version.name}-v{version.version}-profile.html")
