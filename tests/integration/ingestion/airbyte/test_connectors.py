"""Connectors' environments, made by the real uv from a package in a folder."""

import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.connectors import ConnectorInstallError, install
from ingestion.airbyte.connectors import connectors as command
from ingestion.airbyte.environments import ConnectorMissingError, environment_of, require
from support.fake_connector import declare

VERSION = f"=={sys.version_info.major}.{sys.version_info.minor}.*"


SPEC = '{"type": "SPEC", "spec": {"connectionSpecification": {"title": "%s"}}}'


def put_package(folder: Path, version: str, requires: str = "", says: str = SPEC) -> None:
    """A wheel of `source-tiny` that says its version in its spec, and knows no other command."""
    folder.mkdir(exist_ok=True)
    info = f"source_tiny-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: source-tiny\nVersion: {version}\n{requires}"
    files = {
        "source_tiny.py": f"def run():\n    print('''{says.replace('%s', version)}''')\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nsource-tiny = source_tiny:run\n",
    }
    record = "".join(f"{name},,\n" for name in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"source_tiny-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(name, text)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages"
    put_package(folder, "1.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return folder


@pytest.fixture
def connectors(tmp_path: Path) -> Path:
    return tmp_path / "connectors"


def tiny(tmp_path: Path, **more) -> Connection:
    connector = {
        "package": "source-tiny==1.0",
        "executable": "source-tiny",
        "python": VERSION,
        **more,
    }
    return declare(tmp_path / "connections", connector=connector)


def test_a_connector_is_installed_once_and_runs(packages, connectors, tmp_path):
    connection = tiny(tmp_path)
    assert install(connection, connectors)
    assert not install(connection, connectors)
    installed = require(connection, connectors)
    said = subprocess.check_output([installed.executable], text=True, env={})
    assert said == SPEC % "1.0" + "\n"
    assert json.loads(installed.spec_file.read_text()) == {"title": "1.0"}
    assert [folder.name for folder in connectors.iterdir()] == [
        environment_of(connection, connectors).folder.name
    ]


def test_another_version_or_another_pin_is_another_environment(connectors, tmp_path):
    (tmp_path / "connections").mkdir()
    (tmp_path / "connections" / "pins.txt").write_text("six==1.16\n")
    folders = {
        environment_of(connection, connectors).folder
        for connection in (
            tiny(tmp_path),
            tiny(tmp_path, package="source-tiny==1.1"),
            tiny(tmp_path, constraints="pins.txt"),
        )
    }
    assert len(folders) == 3


def test_two_installations_at_once_end_with_one_whole_environment(packages, connectors, tmp_path):
    connection = tiny(tmp_path)
    failures = []

    def run():
        try:
            install(connection, connectors)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(connectors.iterdir())) == 1
    assert require(connection, connectors).complete


def test_an_environment_whose_python_is_gone_is_made_anew(packages, connectors, tmp_path):
    connection = tiny(tmp_path)
    install(connection, connectors)
    python = environment_of(connection, connectors).bin_folder / "python"
    python.unlink()
    python.symlink_to(tmp_path / "removed")
    with pytest.raises(ConnectorMissingError, match="run `make setup`"):
        require(connection, connectors)
    assert install(connection, connectors)
    assert require(connection, connectors).complete


def test_a_failed_installation_leaves_nothing(packages, connectors, tmp_path):
    put_package(packages, "2.0", requires="Requires-Dist: not-to-be-found\n")
    with pytest.raises(
        ConnectorInstallError, match=r"source-tiny==2\.0 can't be installed"
    ) as error:
        install(tiny(tmp_path, package="source-tiny==2.0"), connectors)
    assert "not-to-be-found" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(connectors.iterdir()) == []


def test_a_program_that_the_package_lacks_is_named(packages, connectors, tmp_path):
    with pytest.raises(ConnectorInstallError, match="has no program source-huge"):
        install(tiny(tmp_path, executable="source-huge"), connectors)
    assert list(connectors.iterdir()) == []


def test_a_python_that_the_machine_lacks_is_told(packages, connectors, tmp_path):
    with pytest.raises(ConnectorInstallError, match=r"needs Python >=3\.99, and none is on this"):
        install(tiny(tmp_path, python=">=3.99"), connectors)


@pytest.mark.usefixtures("packages", "stack_home")
def test_setup_installs_what_it_can_and_fails_with_the_rest(connectors, tmp_path, monkeypatch):
    tiny(tmp_path)
    other = tmp_path / "connections" / "desk.yml"
    document = yaml.safe_load((tmp_path / "connections" / "crm.yml").read_text())
    document |= {"name": "desk", "connector": {**document["connector"], "package": "nope==1"}}
    other.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("AIRBYTE_CONNECTION_FILE", str(tmp_path / "connections"))
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(connectors))
    said = CliRunner().invoke(command, standalone_mode=False)
    assert said.return_value == 1
    assert said.stdout == "crm: source-tiny==1.0 installed\n"
    assert said.stderr.startswith("desk: nope==1 can't be installed")


def test_a_package_that_is_no_connector_is_told_and_not_installed(packages, connectors, tmp_path):
    put_package(packages, "3.0", says="hello")
    with pytest.raises(
        ConnectorInstallError, match=r"source-tiny==3\.0 spec: it ended without a Spec message"
    ):
        install(tiny(tmp_path, package="source-tiny==3.0"), connectors)
    assert list(connectors.iterdir()) == []


def test_an_environment_of_before_specs_were_kept_is_made_anew(packages, connectors, tmp_path):
    connection = tiny(tmp_path)
    install(connection, connectors)
    environment_of(connection, connectors).spec_file.unlink()
    with pytest.raises(ConnectorMissingError, match="run `make setup`"):
        require(connection, connectors)
    assert install(connection, connectors)
