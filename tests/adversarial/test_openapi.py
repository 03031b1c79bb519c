"""What the OpenAPI documents say holds, whoever calls with whatever: a short form of `scripts/fuzz.sh openapi`."""

from collections.abc import Iterator

import pytest

from ..fuzz.openapi_campaign import Campaign
from ..fuzz.report import Report
from .places import Place

pytestmark = pytest.mark.e2e

SEED = 20_260_301
# So that each operation is called as the table of rules says, and once by chance.
CASES = {"gateway": 130, "data": 220, "ai": 270, "chains": 40}


@pytest.fixture(scope="module")
def campaign(place: Place) -> Iterator[tuple[Campaign, Report]]:
    report = Report("openapi", SEED)
    campaign = Campaign(place, report, workers=2, size=1)
    yield campaign, report
    campaign.close()


@pytest.mark.parametrize("part", CASES)
def test_no_answer_is_undocumented(campaign: tuple[Campaign, Report], part: str) -> None:
    made, report = campaign
    made.run(part, CASES[part])
    assert report.outcomes[part].total() >= CASES[part]
    assert [failure.what for failure in report.failures if failure.part == part] == []
    # Somebody got in, and others did not.
    assert report.outcomes[part].keys() >= {"200", "401"}
