"""No lock falls below the first version in which a known vulnerability is mended."""

from collections.abc import Mapping

import pytest
from packaging.version import Version

from .locks import LOCKS, versions

# Package: the lowest version that may be locked, and what is wrong with those below it. A scanner without its feed
# finds nothing and says that all is well; this list is always asked. It is no substitute for a feed.
FLOORS = {
    "aiohttp": (
        "3.14.3",
        "CVE-2026-69243 smuggling, CVE-2026-69244 reads out of bounds, CVE-2026-34993 code by cookies",
    ),
    "celery": ("5.2.2", "CVE-2021-23727 commands by stored results"),
    "certifi": ("2024.7.4", "CVE-2024-39689 a root that is not trusted any more"),
    "cryptography": ("50.0.0", "CVE-2026-34073, CVE-2026-39892, CVE-2026-69247"),
    "dnspython": ("2.6.1", "CVE-2023-29483 answers of others"),
    "duckdb": ("1.1.0", "CVE-2024-41672 files read although access is off"),
    "fastapi": ("0.109.1", "CVE-2024-24762 a content type that takes for ever"),
    "flower": ("1.2.0", "CVE-2022-30034 a way round its login"),
    "h11": ("0.16.0", "CVE-2025-43859 chunks that smuggle requests"),
    "idna": ("3.15", "CVE-2024-3651, CVE-2026-45409 names that take for ever"),
    "jinja2": ("3.1.6", "CVE-2025-27516 a way out of its sandbox"),
    "joblib": ("1.2.0", "CVE-2022-21797 settings that are evaluated"),
    "mako": ("1.2.2", "CVE-2022-40023 an expression that takes for ever"),
    "orjson": ("3.9.15", "CVE-2024-27454 depth without a bound"),
    "protobuf": ("6.31.1", "CVE-2025-4565 depth without a bound"),
    "pyarrow": ("23.0.1", "CVE-2023-47248 files that run code, CVE-2026-25087"),
    "pyasn1": ("0.6.4", "CVE-2026-23490, CVE-2026-30922, CVE-2026-59885, CVE-2026-59886 without a bound"),
    "pycryptodome": ("3.19.1", "CVE-2023-52323 a side channel of OAEP"),
    "pygments": ("2.20.0", "CVE-2026-4539 an expression that takes for ever"),
    "python-jose": ("3.5.0", "CVE-2024-33663 confused algorithms, CVE-2024-33664 tokens that inflate"),
    "python-multipart": (
        "0.0.31",
        "CVE-2024-24762, CVE-2024-53981, CVE-2026-24486, CVE-2026-40347, CVE-2026-42561, CVE-2026-53537 to 53540",
    ),
    "pyyaml": ("5.4", "CVE-2020-14343 documents that run code"),
    "ray": ("2.55.0", "CVE-2025-62593, CVE-2026-27482, CVE-2026-41486: code by its dashboard and by Parquet's types"),
    "redis": ("4.5.5", "CVE-2023-28858, CVE-2023-28859 the answer of somebody else"),
    "requests": ("2.33.0", "CVE-2024-35195, CVE-2024-47081, CVE-2026-25645"),
    "rsa": ("4.7", "CVE-2020-25658 a side channel"),
    "scikit-learn": ("1.5.0", "CVE-2024-5206 tokens kept in a model"),
    "sentry-sdk": ("2.8.0", "CVE-2024-40647 the environment given to children"),
    "skops": ("0.16.0", "CVE-2024-37065, CVE-2025-54412, CVE-2025-54413, CVE-2025-54886: models that run code"),
    "starlette": (
        "1.3.1",
        "CVE-2024-47874, CVE-2025-54121, CVE-2025-62727, CVE-2026-48710, CVE-2026-48817, CVE-2026-54282, 54283",
    ),
    "tornado": ("6.5.8", "CVE-2025-47287, CVE-2026-49853 to 49855, GHSA-wwv5-g3v4-889x, GHSA-8423-8fgw-73vq"),
    "urllib3": ("2.7.0", "CVE-2025-66418, CVE-2025-66471, CVE-2026-21441, CVE-2026-44431, CVE-2026-44432"),
    "uvicorn": ("0.11.7", "CVE-2020-7694, CVE-2020-7695 heads and logs that are split"),
    "virtualenv": ("20.26.6", "CVE-2024-53899 commands by names of folders"),
    "werkzeug": ("3.0.3", "CVE-2024-34069 code by its debugger"),
}
# Known, without a version that mends it, and why we live with it.
WITHOUT_A_FIX = {
    "ecdsa": "CVE-2024-23342, a side channel of its signatures: python-jose needs it, we sign with HMAC alone",
    "python-jose": "other kinds of keys taken for HMAC's: one algorithm is written down, and keys are ours",
    "ray": "CVE-2023-48022, jobs by whoever reaches it: a network without a way out, a token, no published port",
}


def below(held: Mapping[str, list[Version]], floors: Mapping[str, str]) -> list[str]:
    """Locked versions under their floor."""
    chosen = ((name, version) for name, found in held.items() for version in found if name in floors)
    return [f"{name}=={version} < {floors[name]}" for name, version in chosen if version < Version(floors[name])]


@pytest.mark.parametrize("lock", LOCKS.values(), ids=lambda path: path.name)
def test_no_package_is_below_its_floor(lock: object) -> None:
    held = versions(next(path for path in LOCKS.values() if path == lock).read_text())
    assert below(held, {name: floor for name, (floor, _) in FLOORS.items()}) == []


def test_the_list_is_about_what_we_use() -> None:
    held = {name for path in LOCKS.values() for name in versions(path.read_text())}
    assert {*FLOORS, *WITHOUT_A_FIX} - held == set()
    assert all(why.startswith(("CVE-", "GHSA-")) for _, why in FLOORS.values())


@pytest.mark.parametrize("name", FLOORS)
def test_a_version_before_is_seen(name: str) -> None:
    floor = FLOORS[name][0]
    before = Version(f"{floor}.dev1")
    assert below({name: [Version(floor), before]}, {name: floor}) == [f"{name}=={before} < {floor}"]
    assert below({name: [Version(floor)], "another": [before]}, {name: floor}) == []
