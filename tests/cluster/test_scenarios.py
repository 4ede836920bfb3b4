"""The API server accepts each of the chart's scenarios, in a restricted namespace."""

import pytest

from chart.rendering import SCENARIOS, manifests

OPERATORS = ("podMonitor", "serviceMonitor", "prometheusRule")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_api_takes_every_object_without_a_warning(release, scenario):
    # Except the pod of `helm test`, whose ServiceAccount a dry run doesn't create, and the
    # prometheus-operator's kinds, which this cluster doesn't have.
    unknown = (f"observability.{kind}.enabled=false" for kind in OPERATORS)
    rendered = manifests(
        scenario,
        "helmTest.enabled=false",
        *unknown,
        release="dry",
        namespace=release.namespace.name,
    )
    arguments = ("apply", "--dry-run=server", "--warnings-as-errors", "-f", "-")
    said = release.namespace.kubectl(*arguments, text=rendered)
    assert said.count("created (server dry run)") == rendered.count("\nkind: ")
