"""Passwords of stores and login: nobody can derive them, and rendering again keeps them."""

import pytest

from chart.rendering import NAME, RenderError, environment, helm, objects, one, run_pods, secrets_of
from scripts.chart_values_page import CHART

# Rendering for a cluster names its kinds, as Argo CD does; a plain `helm template` doesn't.
FOR_A_CLUSTER = ("--kube-version", "1.34.0", "--api-versions", "apps/v1/Deployment")
STORES = 'postgresql.existingSecret="pg"', 's3.existingSecret="s3"'
LOGIN = 'auth.basic.existingSecret="ui"'
ALL = (*STORES, LOGIN)


def oidc(more: str) -> tuple[str, ...]:
    client = '"issuerUrl":"https://id.example.org","clientId":"stack"'
    return ('auth.mode="oidc"', f"auth.oidc={{{client},{more}}}")


def held(found, name):
    return one(found, "Secret", name)["stringData"]


def test_credentials_are_long_differ_from_each_other_and_at_each_first_install():
    found = [objects(), objects(kube="1.36.0")]
    seen = {
        value
        for one_ in found
        for name in ("postgresql", "s3", "auth")
        for key, value in held(one_, name).items()
        if key != "access-key-id"
    }
    assert len(seen) == 14
    assert all(len(value) >= 32 for value in seen)


def test_all_objects_of_one_rendering_have_the_same():
    found = objects()
    dagster = held(found, "postgresql")["dagster-password"]
    lake = held(found, "postgresql")["lake-password"]
    assert held(found, "dagster")["DAGSTER_PG_PASSWORD"] == dagster
    for location in ("ingestion", "transformation", "quality", "catalog"):
        assert held(found, location)["DAGSTER_PG_PASSWORD"] == dagster
        assert f"lake:{lake}@" in held(found, location)["DUCKLAKE_CATALOG_URL"]
        assert (
            held(found, location)["AWS_SECRET_ACCESS_KEY"] == held(found, "s3")["secret-access-key"]
        )


def test_existing_secrets_are_read_by_key_and_nothing_else_is_made():
    found = objects("default", *ALL)
    made = {o["metadata"]["name"] for o in found if o["kind"] == "Secret" and o.get("stringData")}
    assert not made
    for name, pod in run_pods(found).items():
        assert secrets_of(pod) == {f"{NAME}-{name}", "pg", "s3"}
        held_ = environment(pod["containers"][0])
        assert held_["DUCKLAKE_CATALOG_URL"].startswith("postgresql://lake:$(LAKE_PASSWORD)@")
        assert list(held_).index("LAKE_PASSWORD") < list(held_).index("DUCKLAKE_CATALOG_URL")
        assert held_["DAGSTER_PG_PASSWORD"]["secretKeyRef"]["key"] == "dagster-password"
        assert held_["AWS_SECRET_ACCESS_KEY"]["secretKeyRef"]["key"] == "secret-access-key"


def template(*settings: str) -> str:
    sets = [part for setting in settings for part in ("--set-json", setting)]
    return helm("template", "stack", str(CHART), *FOR_A_CLUSTER, *sets)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ((), "postgresql.existingSecret and s3.existingSecret and auth.basic.existingSecret"),
        (STORES, "auth.basic.existingSecret"),
        ((*STORES, *oidc('"clientSecret":"x"')), "auth.oidc.existingSecret"),
        ((STORES[0], LOGIN), "s3.existingSecret"),
        ((STORES[1], LOGIN), "postgresql.existingSecret"),
        (('postgresql.dagsterPassword="x"', STORES[1], LOGIN), "postgresql.existingSecret"),
    ],
)
def test_who_renders_for_a_cluster_without_seeing_it_is_told_to_name_a_secret(settings, named):
    with pytest.raises(RenderError, match=f"{named}: empty, and this rendering can't look up"):
        template(*settings)


@pytest.mark.parametrize(
    "settings",
    [
        ALL,
        (
            'postgresql={"dagsterPassword":"x","lakePassword":"y"}',
            's3.secretAccessKey="z"',
            'auth.mode="none"',
        ),
    ],
)
def test_with_credentials_of_its_own_every_rendering_is_the_same(settings):
    first = template(*settings)
    assert first == template(*settings)
    assert "kind: StatefulSet" in first


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (('postgresql.lakePassword="x"', STORES[0]), "is set, but so is lakePassword"),
        (('s3.secretAccessKey="x"', STORES[1]), "is set, but so is secretAccessKey"),
        (('s3={"enabled":false,"existingSecret":"x"}',), "use s3.external.existingSecret"),
    ],
)
def test_two_places_for_one_credential_are_refused(settings, says):
    with pytest.raises(RenderError, match=says):
        template(*settings)
