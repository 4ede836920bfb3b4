"""A sixth loader takes one module and one line: everything that uses all loaders uses it too."""

import json
import subprocess
import sys

import pytest

from stack.artifacts import ArtifactStore
from stack.load_report import read_reports
from support.stack_process import COMMAND, ROOT, StackProcess

MODULE = """
from ingestion.loading import TableFile, load
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine
from ingestion.settings import QuarantineSettings
from stack.load_report import InputReport, LoadReport, SetAside
from stack.raw import Column, RawTable
from stack.settings import StackSettings, load_settings

CARDS = RawTable(
    source="wallet", name="cards", description="Cards of the wallet.", primary_key=("id",),
    columns=(Column(name="id", type="bigint", description="Number of the card."),),
    owner="team:wallet", loader="dlt_ingestion_pipeline",
)

class WalletLoader:
    name, asset, kind, required = "wallet", "dlt_ingestion_pipeline", "dlt", True
    def tables(self): return (CARDS,)
    def facts(self, table): return {"wallet": "yes"}
    def rereads(self, table): return table == CARDS.table_name
    def forget(self, tables): pass
    def put_back(self, entry): return f"{entry.path}: asked for again"
    def load(self, scope, log):
        import duckdb
        file = load_settings(StackSettings).stack_home / "cards.parquet"
        duckdb.sql("select range as id from range(2)").write_parquet(str(file))
        done = load("wallet", [TableFile(CARDS, file, 2)], {})
        kept = Quarantine(load_settings(QuarantineSettings).quarantine).keep_records(
            "wallet", "wallet.cards", CARDS.table_name, "no number", [{"id": None}])
        aside = SetAside(reason=kept.reason, records=1, where=kept.place)
        found = InputReport(name="wallet.cards", table=CARDS.table_name, records=3, loaded=2,
                            set_aside=(aside,))
        return LoadReport(loader=self.name, asset=self.asset, inputs=(found,),
                          tables=with_all_tables(self.tables(), done.tables))
"""
RUN = """
import sys, types, json
sys.path[:0] = [sys.argv[1], "."]
import wallet
from ingestion import registry
registry.LOADERS = (*registry.LOADERS, wallet.WalletLoader())
import dagster as dg
from ingestion.assets import dlt_ingestion_pipeline

from ingestion.remediation import _owners
from catalog.assets import datahub_metadata_ingestion
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, load_settings
result = dg.materialize([dlt_ingestion_pipeline], instance=dg.DagsterInstance.ephemeral())
dg.materialize([datahub_metadata_ingestion], instance=dg.DagsterInstance.ephemeral())
store = ArtifactStore(load_settings(StackSettings).artifacts)
print(json.dumps({
    "assets": [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()],
    "failed": [e.check_name for e in result.get_asset_check_evaluations() if not e.passed],
    "owner": _owners(registry.LOADERS, store)["wallet_cards"].name,
}))
"""


@pytest.fixture
def stack(tmp_path) -> StackProcess:
    (tmp_path / "wallet.py").write_text(MODULE)
    return StackProcess(tmp_path / "stack", {"PYTHONPATH": str(tmp_path)})


def test_it_is_seen_in_the_ui_the_catalog_remediation_and_the_quarantine(stack, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)],
        cwd=ROOT, env=stack.env(), capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert "raw/wallet_cards" in told["assets"]
    assert told["failed"] == ["nothing_set_aside"]
    assert told["owner"] == "wallet"
    report = read_reports(ArtifactStore(str(stack.home / "artifacts")))["wallet"]
    assert report.tables["wallet_cards"].rows_total == 2
    catalog = (stack.home / "catalog" / "metadata.json").read_text()
    assert "freelancer_raw.wallet_cards" in catalog
    assert "Cards of the wallet." in catalog
    (entry,) = json.loads(stack.run(COMMAND, "quarantine", "--json").stdout)
    assert (entry["loader"], entry["path"], entry["reason"]) == (
        "wallet", "wallet.cards", "no number",
    )  # fmt: skip
