"""Charts as pictures, by Vega itself and without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import vl_convert

Picture = Literal["svg", "png", "pdf"]
# A chart brings its data with it; nothing is fetched for it.
NO_URLS: list[str] = []
VEGA_LITE = "6.4"


def draw(spec: Mapping[str, Any], picture: Picture, scale: float = 1.0) -> bytes:
    """The Vega-Lite chart on a white ground; `scale` is in pixels of a PNG per unit, its smallest text has 10 units.

    Raises:
        ValueError: Vega cannot draw it.
    """
    options: dict[str, Any] = {"vl_version": VEGA_LITE, "allowed_base_urls": NO_URLS}
    if picture == "svg":
        svg: str = vl_convert.vegalite_to_svg(dict(spec), **options)
        return svg.encode()
    if picture == "png":
        return bytes(vl_convert.vegalite_to_png(dict(spec), scale=scale, **options))
    return bytes(vl_convert.vegalite_to_pdf(dict(spec), **options))
