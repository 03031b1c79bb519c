"""What kind of file some bytes begin, whatever its name says: what is no table is refused before it is stored."""

from shared.compute.protocol import ComputeError
from shared.errors import Invalid, UnsupportedMediaType

from ..engines.readers.kinds import ACCEPTED, HEAD_BYTES, FileKind, recognise

__all__ = ["ACCEPTED", "HEAD_BYTES", "PARQUET", "ZIP", "FileKind", "require_data"]

# What binary files that are read begin with, and end with.
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"


def require_data(head: bytes, filename: str = "") -> FileKind:
    """What a file is by its first HEAD_BYTES, or all it has; the name is a hint among kinds of text only.

    Raises:
        UnsupportedMediaType: it is none of the kinds that are read.
        Invalid: `empty_file`.
    """
    if not head:
        raise Invalid("The file is empty. Upload a file with a header line and data rows.", code="empty_file")
    try:
        return recognise(head, filename)
    except ComputeError as error:
        raise UnsupportedMediaType(error.detail) from error
