"""Reading files in tests as ingest does, without a profile: what became of them, and why they are refused."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.compute.protocol import ComputeError
from shared.tabular.duck import connect
from shared.tabular.types import contract_type

from ..app.engines.readers.any_format import read
from ..app.engines.readers.source import IngestReport, ReadOptions, Source


@dataclass(frozen=True, slots=True)
class Table:
    """What a file became; `types` are the contract's, by column."""

    types: dict[str, str]
    rows: list[tuple[Any, ...]]
    report: IngestReport

    @property
    def notes(self) -> dict[str, str]:
        """What is told of each column."""
        return {entry["column"]: entry["note"] for entry in self.report["conversions"]}

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        index = list(self.types).index(name)
        return [row[index] for row in self.rows]


def job_of(folder: Path, content: str | bytes, **members: Any) -> dict[str, Any]:
    """A job for the content, written to a file in `folder`."""
    source = written(folder, content)
    job = {"source": str(source), "filename": "source.csv", "scratch": str(folder), "options": {}}
    return {**job, "max_columns": 10_000, "max_unpacked_bytes": 2**30, "memory_mb": 1024, "threads": 1, **members}


def read_text(folder: Path, content: str | bytes, **options: Any) -> Table:
    """Read the content as a delimited text."""
    source = Source.of(job_of(folder, content, options={"format": "csv", **options}))
    return table_of(source, folder / "data.parquet")


def read_file(
    content: bytes | str | Path,
    filename: str = "",
    *,
    max_columns: int = 1000,
    max_unpacked_bytes: int = 2**30,
    memory_mb: int = 256,
    keep: Path | None = None,
    **options: Any,
) -> Table:
    """Read a file of this content; its Parquet form goes to `keep`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = content if isinstance(content, Path) else written(folder, content)
        source = Source(path, filename, folder, ReadOptions.of(options), max_columns, max_unpacked_bytes)
        return table_of(source, keep or folder / "data.parquet", memory_mb)


def refusal(content: bytes | str | Path, filename: str = "", **options: Any) -> str:
    """The code with which a file is refused; its detail tells nothing of our paths."""
    refused: ComputeError | None = None
    try:
        read_file(content, filename, **options)
    except ComputeError as error:
        refused = error
    if refused is None:
        return "taken"
    assert "/tmp" not in refused.detail  # noqa: S108 - looked for, not used
    assert refused.detail.endswith(".")
    return refused.code


def written(folder: Path, content: str | bytes) -> Path:
    """The file `source` in `folder`, with this content."""
    path = folder / "source"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table_of(source: Source, target: Path, memory_mb: int = 512) -> Table:
    """What a source becomes, by way of the Parquet file `target`."""
    with connect(memory_mb=memory_mb, threads=1, scratch=source.scratch) as connection:
        found = read(connection, source, target)
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(target)]).fetchall()
        rows = connection.execute("SELECT * FROM read_parquet(?)", [str(target)]).fetchall()
    assert found.rows == len(rows)
    return Table({row[0]: contract_type(row[1]) for row in described}, rows, found.report)
