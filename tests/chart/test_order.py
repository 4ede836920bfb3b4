"""The order in which Argo CD applies the chart's objects."""

import json

import pytest

from chart.rendering import SCENARIOS, objects

WAVE = "argocd.argoproj.io/sync-wave"
# Argo CD waits for their health, which depends on another program or a later object.
HEALTHY_BY_OTHERS = {"Deployment", "Job", "CronJob", "Ingress", "HorizontalPodAutoscaler"}


def wave(one):
    return int((one["metadata"].get("annotations") or {}).get(WAVE, 0))


def is_schema(one):
    return one["metadata"]["labels"].get("app.kubernetes.io/component") == "schema"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_migration_comes_after_its_stores_and_before_all_that_reads(scenario):
    found = [one for one in objects(scenario) if one["metadata"].get("labels")]
    (migration,) = [wave(one) for one in found if one["kind"] == "Job" and is_schema(one)]
    for one in found:
        if one["kind"] in HEALTHY_BY_OTHERS and not is_schema(one):
            assert wave(one) > migration, one["metadata"]["name"]
        elif one["kind"] in {"StatefulSet", "Secret", "ConfigMap", "ServiceAccount"}:
            assert wave(one) < migration, one["metadata"]["name"]


def test_a_service_that_waits_for_an_address_holds_nothing_up():
    settings = 'webserver={"service":{"type":"LoadBalancer","annotations":{"a":"b"}}}'
    for scenario in ("default", "hardened"):
        found = objects(scenario, settings)
        (front,) = [one for one in found if one.get("spec", {}).get("type") == "LoadBalancer"]
        (job,) = [one for one in found if one["kind"] == "Job" and is_schema(one)]
        assert wave(front) > wave(job)
        assert front["metadata"]["annotations"]["a"] == "b"


def test_who_says_another_wave_gets_it():
    ingress = {"enabled": True, "host": "a.example.org", "annotations": {WAVE: "7"}}
    found = objects("default", f"ingress={json.dumps(ingress)}")
    (ingress,) = [one for one in found if one["kind"] == "Ingress"]
    assert wave(ingress) == 7


def test_a_migration_ends_even_if_its_image_cannot_be_pulled():
    (job,) = [one for one in objects() if one["kind"] == "Job" and is_schema(one)]
    assert job["spec"]["activeDeadlineSeconds"] == 900
