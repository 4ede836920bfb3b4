"""The API server takes what each scenario of the chart renders, in a restricted namespace."""

import pytest

from chart.rendering import SCENARIOS, manifests


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_api_takes_every_object_without_a_warning(release, scenario):
    # But for the pod of `helm test`, which asks for a ServiceAccount that a dry run doesn't make.
    rendered = manifests(
        scenario, "helmTest.enabled=false", release="dry", namespace=release.namespace.name
    )
    arguments = ("apply", "--dry-run=server", "--warnings-as-errors", "-f", "-")
    said = release.namespace.kubectl(*arguments, text=rendered)
    assert said.count("created (server dry run)") == rendered.count("\nkind: ")
