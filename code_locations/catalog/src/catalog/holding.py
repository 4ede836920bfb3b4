"""Whether the catalog is still up to date, and since which run.

A load that brought nothing isn't news: the catalog describes the last one that brought something.
That somebody read a table is news, and so is that a day of usage has become too old to be reported.
docs/decisions/0051-no-pod-for-nothing.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from catalog.emission import EMITTED, Emitted, Server
from catalog.inputs import ARTIFACTS
from catalog.inventory import MODEL_SCHEMAS
from catalog.kept import code, read_kept, versions
from catalog.proposals import artifact
from catalog.settings import DataHubSettings
from catalog.urns import FABRICS, Naming
from stack.activity import ActivityLog, Entry
from stack.artifacts import ArtifactStore
from stack.digests import digest
from stack.held import Claim, read_claims, today, write_claims
from stack.load_report import read_reports
from stack.raw import raw_tables
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.storage import filesystem
from stack.warehouse import connect
from stack.warehouse.versions import relations

CLAIMS, CLAIM = "held/catalog.json", "catalog"


@dataclass(frozen=True)
class Matter:
    """What a catalog is made from."""

    stack: StackSettings
    warehouse: WarehouseSettings
    datahub: DataHubSettings

    @cached_property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        return ArtifactStore(self.stack.artifacts)

    @property
    def naming(self) -> Naming:
        """How this warehouse's things are named in DataHub."""
        instance = self.datahub.datahub_platform_instance
        return Naming(self.warehouse.database, FABRICS[self.stack.dagster_env], instance)

    def fingerprint(self) -> str | None:
        """A fingerprint of all of it but the loads; None if a table's content is unknown."""
        schemas = (self.warehouse.dlt_dataset_name, *MODEL_SCHEMAS)
        with connect(self.warehouse, read_only=True) as connection:
            tables = {
                f"{schema}.{table}": found
                for (schema, table), found in relations(connection, self.warehouse).items()
                if schema in schemas and not table.startswith("_dlt_")
            }
        if any(found.version is None for found in tables.values()):
            return None
        own = sorted(file.stem for file in Path(__file__).parent.glob("*.py"))
        return digest(
            code(*own),
            versions(),
            self.naming,
            self.datahub.model_dump(mode="json", exclude={"datahub_gms_token"}),
            self.datahub.metadata_file(self.stack),
            [entry.model_dump(mode="json") for entry in self._activity()],
            [table.model_dump(mode="json") for table in raw_tables()],
            {name: found.model_dump() for name, found in tables.items()},
            {name: self._digest(name) for name in ARTIFACTS},
        )

    def loads(self) -> dict[str, str | None]:
        """The latest load of each loader: a digest of its report, None if it brought nothing."""
        reports = read_reports(self.store)
        return {
            name: digest(report.model_dump(mode="json")) if report.has_news else None
            for name, report in reports.items()
        }

    def output(self, at: datetime) -> str | None:
        """What exists of the catalog: a digest of the file, or of what the server has."""
        url, token = self.datahub.datahub_gms_url, self.datahub.datahub_gms_token
        if url is not None:
            name = artifact(self.naming, EMITTED)
            emitted = read_kept(self.store, name, Emitted)
            has_all = emitted and Server(url, token, self.naming, run_id="").has(emitted, at)
            return emitted.mark if emitted and has_all else None
        fs, path = filesystem(self.datahub.metadata_file(self.stack))
        try:
            return hashlib.sha256(fs.cat_file(path)).hexdigest()
        except FileNotFoundError:
            return None

    def _activity(self) -> Iterator[Entry]:
        return ActivityLog(self.stack.artifacts).since(self.datahub.first_day(today()))

    def _digest(self, name: str) -> str | None:
        content = self.store.get(name)
        return None if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Look:
    """What a catalog is made from, at one moment."""

    matter: Matter
    at: datetime
    fingerprint: str | None
    loads: dict[str, str | None]

    @classmethod
    def now(cls) -> Look:
        """The current inputs."""
        at, matter = datetime.now(UTC), _matter()
        return cls(matter, at, matter.fingerprint(), matter.loads())

    def claim_that_holds(self) -> Claim | None:
        """The claim, if a catalog made from this would say nothing new."""
        claim = read_claims(self.matter.store, CLAIMS).get(CLAIM)
        if claim is None or claim.output is None:
            return None
        told = claim.result["loads"]
        quiet = all(load in (None, told.get(name)) for name, load in self.loads.items())
        if quiet and claim.holds(self.fingerprint, self.matter.output(self.at)):
            return claim
        return None

    def claim(self, run_id: str, told: Mapping[str, object] | None) -> None:
        """Store the claim of a run that has written the catalog; none if it found a fault.

        `told` is the run's metadata. What changed during the run may have been read before or
        after, so it gets no claim.
        """
        now, output = Look.now(), self.matter.output(self.at)
        same = (self.fingerprint, self.loads) == (now.fingerprint, now.loads)
        claims = {}
        if told is not None and self.fingerprint and output and same:
            claims[CLAIM] = Claim(
                fingerprint=self.fingerprint,
                run_id=run_id,
                at=self.at,
                output=output,
                result={"loads": self.loads, "told": dict(told)},
            )
        write_claims(self.matter.store, CLAIMS, run_id, claims)


def _matter() -> Matter:
    return Matter(
        load_settings(StackSettings),
        load_settings(WarehouseSettings),
        load_settings(DataHubSettings),
    )
