import pytest
from dagster._core.test_utils import instance_for_test
from dagster_k8s.client import DagsterKubernetesClient
from dagster_k8s.utils import load_kubernetes_config

from fakes.kubernetes_api import kubeconfig, kubernetes_api
from pods.jobs import Jobs
from pods.launcher import OWN


@pytest.fixture
def api():
    with kubernetes_api() as api:
        yield api


@pytest.fixture
def kubeconfig_file(api, tmp_path):
    return kubeconfig(api, tmp_path / "kubeconfig")


@pytest.fixture
def jobs(api, kubeconfig_file):
    load_kubernetes_config(load_incluster_config=False, kubeconfig_file=str(kubeconfig_file))
    return Jobs(DagsterKubernetesClient.production_client(), api.namespace)


@pytest.fixture
def settings(api, kubeconfig_file):
    """What dagster.yaml of the cluster says, but for its storage."""
    module, name = OWN
    config = {
        "service_account_name": "default",
        "instance_config_map": "instance",
        "job_namespace": api.namespace,
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig_file),
    }
    return {
        "run_launcher": {"module": module, "class": name, "config": config},
        "run_monitoring": {"enabled": True},
        "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
    }


@pytest.fixture
def instance(settings):
    with instance_for_test(overrides=settings) as instance:
        yield instance
