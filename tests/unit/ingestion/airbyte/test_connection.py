"""Connections as data: what a file may declare, and what is never revealed."""

import pytest
import yaml

from ingestion.airbyte.connection import load_connections
from stack.declarations import DeclarationError
from stack.raw import raw_tables
from support.fake_connector import declare


def test_the_default_fills_every_declared_shop_table():
    [shop] = load_connections()
    filled = {shop.declared_table(stream) for stream in shop.streams}
    assert filled == set(raw_tables("shop"))


def test_the_default_is_pinned_in_all_it_depends_on():
    [shop] = load_connections()
    pins = shop.constraints.read_text().splitlines()
    assert shop.connector.package in pins
    assert all("==" in pin for pin in pins)
    assert not any("/" in pin.split(";")[0] for pin in pins)


def test_a_stream_without_a_table_gets_one_named_after_it(tmp_path):
    connection = declare(tmp_path, streams={"Order-Items": {}, "lineItems": {}, "2fa": {}})
    assert {s: connection.table_name(s) for s in connection.streams} == {
        "Order-Items": "crm_order_items",
        "lineItems": "crm_line_items",
        "2fa": "crm_n_2fa",
    }


def test_a_folder_holds_several_connections(tmp_path):
    declare(tmp_path, name="crm")
    declare(tmp_path, name="desk")
    assert [c.name for c in load_connections(tmp_path)] == ["crm", "desk"]


def test_references_are_resolved_in_depth_and_reported_as_secrets(tmp_path):
    config = {"auth": {"token": "${CRM_TOKEN}"}, "urls": ["https://${HOST}/api"], "size": 10}
    connection = declare(tmp_path, config=config)
    resolved, secrets = connection.resolve_config({"CRM_TOKEN": "s3cret", "HOST": "eu.crm"})
    assert resolved == {"auth": {"token": "s3cret"}, "urls": ["https://eu.crm/api"], "size": 10}
    assert secrets == {"s3cret", "eu.crm"}


def test_a_missing_variable_is_named_with_its_file(tmp_path):
    connection = declare(tmp_path, config={"token": "${CRM_TOKEN}", "id": "${CRM_ID}"})
    with pytest.raises(DeclarationError) as error:
        connection.resolve_config({"CRM_ID": ""})
    assert str(error.value) == (
        f"{connection.file}: config: CRM_ID, CRM_TOKEN are not set; set in the environment or .env"
    )


def test_a_literal_secret_is_in_no_repr(tmp_path):
    assert "hunter2" not in repr(declare(tmp_path, config={"password": "hunter2"}))


def test_a_manifest_is_put_into_the_configuration(tmp_path):
    (tmp_path / "crm-manifest.yaml").write_text("version: 6.0.0\ntype: DeclarativeSource\n")
    connector = {
        "package": "airbyte-cdk==6.61.6",
        "executable": "source-declarative-manifest",
        "manifest": "crm-manifest.yaml",
    }
    connection = declare(tmp_path, connector=connector)
    resolved, _ = connection.resolve_config({})
    assert resolved["__injected_declarative_manifest"]["type"] == "DeclarativeSource"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"stream": {}}, "stream: found an unknown field, expected one of name, desc"),
        ({"streams": {}}, "streams: found an empty mapping, expected at least 1"),
        ({"name": "My CRM"}, "name: found 'My CRM', expected text like ^[a-z]"),
        (
            {"connector": {"package": "source-fake", "executable": "x"}},
            "connector.package: found 'source-fake', expected text like",
        ),
        (
            {"streams": {"deals": {"sync_mode": "upsert"}}},
            "sync_mode: found 'upsert', expected 'full_refresh' or",
        ),
        (
            {"streams": {"deals": {}, "Deals": {}}},
            "two streams go into crm_deals; give each its own table",
        ),
    ],
)
def test_a_wrong_field_is_named_in_one_line(tmp_path, fields, told):
    file = declare(tmp_path).file
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | fields))
    with pytest.raises(DeclarationError) as error:
        load_connections(file)
    assert told in str(error.value)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [("- a\n- b\n", "found a list, expected a mapping"), ("a: [", "can't be read as YAML")],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content, told):
    file = tmp_path / "crm.yml"
    file.write_text(content)
    with pytest.raises(DeclarationError, match=told):
        load_connections(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DeclarationError, match=r"nothing\.yml: can't be read"):
        load_connections(tmp_path / "nothing.yml")


def test_two_files_with_one_name_are_refused(tmp_path):
    declare(tmp_path, name="crm").file.rename(tmp_path / "other.yml")
    declare(tmp_path, name="crm")
    with pytest.raises(
        DeclarationError, match=r"two files declare one name, found crm in crm\.yml too"
    ):
        load_connections(tmp_path)
