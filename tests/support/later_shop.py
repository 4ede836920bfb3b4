"""The sample shop's connector, as if it ran half a year later.

It draws purchases up to its start. Two loads a moment apart differ by chance; with this one they
always differ, so that a comparison has to leave out whatever depends on the time.
"""

from __future__ import annotations

from pathlib import Path

from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.environments import require
from ingestion.settings import AirbyteSettings

PROGRAM = """#!{python}
import datetime, sys
from source_faker.purchase_generator import PurchaseGenerator
from source_faker.run import run

later = datetime.datetime.now() + datetime.timedelta(days=183)
PurchaseGenerator.random_date_in_range.__defaults__ = (later,)
sys.exit(run())
"""


def later_shop(folder: Path) -> dict[str, str]:
    """Make such an environment in `folder`; the variable that has the stack use it."""
    [connection] = load_connections()
    real = require(connection, AirbyteSettings().connectors)
    later = folder / real.folder.name
    (later / "bin").mkdir(parents=True)
    python = real.bin_folder / "python"
    (later / "bin" / "python").symlink_to(python)
    (later / real.spec_file.name).symlink_to(real.spec_file)
    program = later / "bin" / real.program
    program.write_text(PROGRAM.format(python=python))
    program.chmod(0o755)
    return {"AIRBYTE_CONNECTORS_DIR": str(folder)}
