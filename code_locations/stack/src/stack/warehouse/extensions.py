"""DuckDB extensions from their PyPI packages; nothing is downloaded at run time.

Source: https://pypi.org/project/duckdb-extensions/ (each package carries the signed file).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def extension_file(name: str) -> Path:
    """The extension's file for the installed DuckDB. Raises FileNotFoundError if not packaged."""
    import duckdb

    package = f"duckdb_extension_{name}"
    folder = Path(str(resources.files(package))) / "extensions" / f"v{duckdb.__version__}"
    file = folder / f"{name}.duckdb_extension"
    if not file.is_file():
        raise FileNotFoundError(
            f"DuckDB extension {name} for DuckDB {duckdb.__version__} is not in {package}: "
            "install the two packages in one version"
        )
    return file


def load_extension(connection: DuckDBPyConnection, name: str) -> None:
    """Load a packaged extension; the home directory is neither read nor written."""
    connection.execute(f"load '{extension_file(name)}'")
