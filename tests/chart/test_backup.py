"""The CronJob that makes backups, and a release that starts from one."""

import re

from chart.network import ELSEWHERE, allows, places, policies_of
from chart.rendering import RECIPIENT, environment, objects, one, pods, secrets_of
from ingestion.backup.runs import RESTORED
from scripts.chart_values_page import CHART

URL = '"url":"s3://acme-backups/data"'
ON = f'backup={{"enabled":true,{URL}}}'
OWN = (
    f'backup={{"enabled":true,{URL},"endpointUrl":"https://s3.example.org:9000","accessKeyId":"k",'
)
OWN += '"secretAccessKey":"s"}'
FROM = f"backup={{{URL}}}", 'restore={"from":"latest","identitySecret":"own-key"}'


def pod(found, kind):
    [name] = [name for name in pods(found) if re.search(rf"-{kind}(-[0-9a-f]{{8}})?$", name)]
    return pods(found)[name]


def variables(found, kind):
    return environment(pod(found, kind)["containers"][0])


def test_nothing_is_made_of_it_unless_it_is_asked_for():
    names = [o["metadata"]["name"] for o in objects()]
    assert not [name for name in names if "backup" in name or "restore" in name]


def test_one_at_a_time_is_made_with_all_folders_of_the_release():
    found = objects("default", ON)
    spec = one(found, "CronJob", "backup")["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("30 2 * * *", "Forbid")
    assert pod(found, "backup")["containers"][0]["command"] == ["stack", "backup"]
    given = variables(found, "backup")
    assert given["BACKUP_URL"] == "s3://acme-backups/data"
    assert given["BACKUP_FOLDERS"] == (
        '{"catalog":"s3://freelancer-data-stack/catalog",'
        '"logs":"s3://freelancer-data-stack/compute-logs"}'
    )
    assert "BACKUP_ACCESS_KEY_ID" not in given


def test_the_newest_is_read_whole_each_month_where_it_can_be_read():
    tested = pod(objects("default", ON), "backup-test")
    assert tested["containers"][0]["command"] == ["stack", "restore", "--check"]
    encrypted = f'backup={{"enabled":true,{URL},"recipient":"{RECIPIENT}"}}'
    assert not [name for name in pods(objects("default", encrypted)) if "backup-test" in name]
    with_key = objects("default", encrypted, 'restore={"identitySecret":"own-key"}')
    assert "BACKUP_IDENTITY" in variables(with_key, "backup-test")


def test_a_store_of_their_own_is_reached_with_keys_of_its_own_by_that_pod_alone():
    found = objects("default", OWN)
    policies, pods_ = policies_of(found), places(found)
    assert secrets_of(pod(found, "backup")) >= {"prod-freelancer-data-stack-backup"}
    assert allows(policies, pods_["backup"], ELSEWHERE, 9000)
    assert not allows(policies, pods_["backup"], ELSEWHERE, 443)
    assert not allows(policies, pods_["server of quality"], ELSEWHERE, 9000)
    for target, port in (("postgresql", 5432), ("s3", 8333)):
        assert allows(policies, pods_["backup"], pods_[target], port)
    assert not allows(policies, pods_["backup"], pods_["webserver"], 3000)


def test_a_store_like_the_stacks_own_opens_nothing():
    found = objects("default", ON)
    assert not allows(policies_of(found), places(found)["backup"], ELSEWHERE, 443)


def test_a_release_that_begins_with_a_backup_waits_for_it_and_makes_no_sample_data():
    found = objects("default", *FROM)
    assert pod(found, "restore")["containers"][0]["command"] == [
        "stack", "restore", "latest", "--once",
    ]  # fmt: skip
    assert variables(found, "restore")["BACKUP_IDENTITY"] == {
        "secretKeyRef": {"name": "own-key", "key": "identity"}
    }
    waiting = {
        name
        for name, spec in pods(found).items()
        for container in spec.get("initContainers", ())
        if "RESTORED" in environment(container)
    }
    assert waiting == {
        "Deployment/prod-freelancer-data-stack-daemon",
        "Deployment/prod-freelancer-data-stack-observability",
        "Deployment/prod-freelancer-data-stack-webserver",
    }
    assert not [o for o in found if "sample-data" in o["metadata"]["name"]]


def test_what_waits_looks_for_the_note_that_a_restore_leaves():
    assert f'RESTORED = "{RESTORED}"' in (CHART / "files" / "schema.py").read_text()
