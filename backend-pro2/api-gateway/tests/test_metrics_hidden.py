"""No public path of the gateway leads to a service's figures."""

import pytest

from shared.links import GATEWAY_ROUTES

from ..app.core.paths import PathMap


@pytest.mark.parametrize(
    "end", [b"/metrics", b"/../metrics", b"/%2e%2e/metrics", b"//metrics", b"/./metrics", b"metrics"]
)
def test_services_figures_have_no_public_path(end: bytes) -> None:
    paths = PathMap(GATEWAY_ROUTES)
    for route in GATEWAY_ROUTES:
        target = paths.target(route.gateway_prefix.encode() + end)
        assert target is None or target.path.startswith(f"{route.upstream_prefix}/")
    assert paths.target(b"/metrics") is None
    assert paths.target(b"/api/v1" + end) is None


def test_no_service_has_all_of_its_paths_made_public() -> None:
    assert all(route.upstream_prefix for route in GATEWAY_ROUTES)
