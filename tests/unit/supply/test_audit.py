"""The database for osv-scanner, made from a folder of records."""

import json
import zipfile

import pytest

from scripts.audit import AuditError, write_database

RECORD = """
id: PYSEC-2014-8
affected:
- package: {ecosystem: PyPI, name: jinja2}
  ranges:
  - {type: ECOSYSTEM, events: [{introduced: "0"}, {fixed: 2.7.2}]}
  versions: ["2.0", 2.7.1]
modified: "%s"
"""


def test_records_become_a_database_that_knows_how_new_it_is(tmp_path):
    for year, name in ((2021, "jinja2"), (2024, "other")):
        file = tmp_path / "vulns" / name / f"PYSEC-{year}-8.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(RECORD.replace("2014", str(year)) % f"{year}-07-05T00:01:22.043149Z")
    database = tmp_path / "made" / "all.zip"
    assert write_database(tmp_path, database).year == 2024
    with zipfile.ZipFile(database) as held:
        assert held.namelist() == ["PYSEC-2021-8.json", "PYSEC-2024-8.json"]
        record = json.loads(held.read("PYSEC-2021-8.json"))
    assert record["affected"][0]["versions"] == ["2.0", "2.7.1"]


def test_a_folder_without_records_is_no_clean_bill(tmp_path):
    with pytest.raises(AuditError, match="no PYSEC-"):
        write_database(tmp_path, tmp_path / "all.zip")
