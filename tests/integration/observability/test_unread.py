"""Files of another version of the stack are named, and the others are still read."""

import json
from pathlib import Path

from prometheus_client import CollectorRegistry

from observability.facts.looking import Watch
from observability.metrics.collector import StackCollector
from observability.metrics.kept import Counter
from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, write_report
from support.observed import Observed

PARTS = ("load_reports", "quarantine", "alerts")


def copy_of_a_newer_format(path: Path) -> None:
    document = json.loads(path.read_text()) | {"format": 99}
    path.with_name(f"newer-{path.name}").write_text(json.dumps(document))


def test_files_of_a_newer_format_are_named_once_and_hide_no_others(tmp_path, caplog):
    with Observed.opened(tmp_path) as observed:
        store = ArtifactStore(str(tmp_path / "artifacts"))
        write_report(store, "run", LoadReport(loader="books", asset="dlt_ingestion_pipeline"))
        observed.set_aside("a1b2", records=3)
        alert = Alert(type="dbt_test_failure", severity="error", description="2", source="dbt")
        write_alert(str(tmp_path / "alerts"), alert)
        for pattern in ("artifacts/latest/load/*", "quarantine/*/*", "alerts/*"):
            [file] = tmp_path.glob(pattern)
            copy_of_a_newer_format(file)
        broken = tmp_path / "alerts" / "broken.json"
        broken.write_text("{")
        watch = Watch(observed.instance)
        for _ in range(2):
            watch.look_at_files()
        facts = watch.facts()
        assert not set(PARTS) & set(facts.unknown)
        assert [entry.entry for entry in facts.set_aside] == ["a1b2"]
        assert [alert.type for alert in facts.alerts] == ["dbt_test_failure"]
        assert [(file.part, file.file.split("-")[0]) for file in facts.unread] == [
            ("load_reports", "newer"), ("quarantine", "newer"), ("alerts", "broken.json"),
            ("alerts", "newer"),
        ]  # fmt: skip
        assert all("format 99" in f.reason for f in facts.unread if f.file != broken.name)
        said = [r.message for r in caplog.records if "left out" in r.message]
        assert len(said) == 4
        # A store's URL may hold a password; nobody needs more than the name in it.
        assert facts.unread[0].reason.startswith("latest/load/newer-books.json: ")
        assert any("newer-a1b2.json" in line and "format 99" in line for line in said)

        registry = CollectorRegistry()
        registry.register(StackCollector(watch, Counter(observed.instance)))
        counted = [registry.get_sample_value("stack_unread_files", {"part": p}) for p in PARTS]
        assert counted == [1, 1, 2]

        for file in (broken, *tmp_path.rglob("*newer-*")):
            file.unlink()
        watch.look_at_files()
        assert watch.facts().unread == ()
