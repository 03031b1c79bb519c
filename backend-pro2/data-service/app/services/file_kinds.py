"""What kind of file some bytes begin, whatever its name says."""

from shared.errors import Invalid, UnsupportedMediaType

HEAD_BYTES = 8192
ACCEPTED = "CSV or TSV, as plain text"

_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF", "an HDF5 file"),
)
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")


def require_text(head: bytes) -> None:
    """Refuse a file by its first bytes unless it may be text.

    Raises:
        UnsupportedMediaType: it is something else.
        Invalid: `empty_file`.
    """
    if not head:
        raise Invalid("The file is empty. Upload a file with a header line and data rows.", code="empty_file")
    for magic, kind in _MAGIC:
        # A magic number of letters may as well begin the name of a column.
        if head.startswith(magic) and not (magic.isalnum() and _is_text(head)):
            raise UnsupportedMediaType(f"This is {kind}. Accepted: {ACCEPTED}.")
    if not head.startswith(_WIDE) and not _is_text(head):
        raise UnsupportedMediaType(f"This is not a text file. Accepted: {ACCEPTED}.")


def _is_text(head: bytes) -> bool:
    return len(head.translate(None, _CONTROLS)) == len(head)
