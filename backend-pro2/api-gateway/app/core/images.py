"""Pictures that browsers show, told by their first bytes rather than by what the sender calls them."""

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")


def image_type(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, WebP or GIF; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
