"""What instruments have moved by while a test did something."""

from shared.metrics import REGISTRY

Place = tuple[str, frozenset[tuple[str, str]]]


class Moved:
    """By how much each sample has grown since this was made; what was not there counts from nothing."""

    def __init__(self) -> None:
        self._before = _samples()

    def __call__(self, name: str, **labels: str) -> float:
        """Of the sample `name` with these labels."""
        place = (name, frozenset(labels.items()))
        return _samples().get(place, 0.0) - self._before.get(place, 0.0)

    def of(self, name: str, label: str) -> dict[str, float]:
        """Of all samples `name` that have moved, by the value of one label."""
        moved: dict[str, float] = {}
        for place, value in _samples().items():
            if place[0] == name and (by := value - self._before.get(place, 0.0)):
                key = dict(place[1])[label]
                moved[key] = moved.get(key, 0.0) + by
        return moved


def _samples() -> dict[Place, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
    }
