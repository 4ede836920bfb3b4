"""What is said about a pod that Kubernetes can't run, lost or ended."""

from datetime import timedelta

import pytest

JOB = "dagster-run-1"
IMAGE = "registry.example.org/stack/ingestion:7"
YOUNG = timedelta(seconds=2)
BACK_OFF = f'Back-off pulling image "{IMAGE}"'
NOT_FOUND = (
    f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '
    f"{IMAGE}: not found"
)


def waiting(reason: str, message: str) -> dict:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [container(state)]}


def ended(exit_code: int, reason: str = "Error", **more: str) -> dict:
    state = {"terminated": {"exitCode": exit_code, "reason": reason, **more}}
    return {"phase": "Failed", "containerStatuses": [container(state)]}


def container(state: dict) -> dict:
    return {
        "name": "dagster", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 0,
        "state": state,
    }  # fmt: skip


def condition(kind: str, status: str, reason: str, message: str) -> list:
    return [{"type": kind, "status": status, "reason": reason, "message": message}]


def look(api, jobs, pod: dict | None, *, patience_s=None, age=timedelta(hours=1), **job):
    api.add_job(JOB, "1", age=age, **(job or {"active": 1}))
    if pod is not None:
        api.add_pod(JOB, age=age, **pod)
    return jobs.look(JOB, patience_s).trouble


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", f"rpc error: code = NotFound desc = {NOT_FOUND}"),
        ("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: rpc error: code = NotFound: {NOT_FOUND}"),
        ("ErrImagePull", "pull access denied, repository does not exist or may require auth"),
        ("ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized"),
    ],
)
def test_image_that_the_registry_refuses_is_final_and_not_tried_again(api, jobs, reason, message):
    trouble = look(api, jobs, waiting(reason, message))
    assert trouble.reason.startswith(f"image {IMAGE} can't be pulled: ")
    assert message in trouble.reason
    assert (trouble.final, trouble.retry) == (True, False)


@pytest.mark.parametrize(
    "message",
    [
        "dial tcp 10.0.0.1:5000: connect: connection refused",
        "429 Too Many Requests - toomanyrequests: you have reached your pull rate limit: denied",
        'failed to do request: Head "https://x/v2": dial tcp: lookup x: no such host',
    ],
)
def test_registry_that_can_not_be_reached_is_waited_for(api, jobs, message):
    trouble = look(api, jobs, waiting("ErrImagePull", message))
    assert message in trouble.reason
    assert (trouble.final, trouble.retry) == (False, True)


def test_old_kubelet_says_in_an_event_what_the_registry_answered(api, jobs):
    api.add_event(f"{JOB}-abcde", "Failed", f'Failed to pull image "{IMAGE}": {NOT_FOUND}')
    api.add_event(f"{JOB}-abcde", "Failed", "Error: ErrImagePull")
    trouble = look(api, jobs, waiting("ImagePullBackOff", BACK_OFF))
    assert NOT_FOUND in trouble.reason
    assert trouble.final


@pytest.mark.parametrize("reason", ["ErrImagePull", "CreateContainerConfigError"])
def test_what_looks_final_may_pass_in_the_first_seconds(api, jobs, reason):
    trouble = look(api, jobs, waiting(reason, "x: not found"), age=YOUNG)
    assert not trouble.final


def test_name_of_an_image_that_is_none(api, jobs):
    trouble = look(api, jobs, waiting("InvalidImageName", "couldn't parse image name"))
    assert "InvalidImageName" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, False)


def test_missing_secret_is_named(api, jobs):
    trouble = look(api, jobs, waiting("CreateContainerConfigError", 'secret "own" not found'))
    assert 'secret "own" not found' in trouble.reason
    assert "existingSecret" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, False)


def test_pod_that_pulls_or_starts_has_no_trouble(api, jobs):
    assert look(api, jobs, waiting("ContainerCreating", "")) is None


def test_volume_that_can_not_be_mounted_is_waited_for(api, jobs):
    api.add_event(f"{JOB}-abcde", "FailedMount", 'configmap "instance" not found')
    trouble = look(api, jobs, waiting("ContainerCreating", ""))
    assert 'configmap "instance" not found' in trouble.reason
    assert not trouble.final


def test_scheduler_is_quoted_and_a_node_waited_for(api, jobs):
    said = "0/1 nodes are available: 1 Insufficient memory."
    pod = {
        "phase": "Pending",
        "conditions": condition("PodScheduled", "False", "Unschedulable", said),
    }
    trouble = look(api, jobs, pod)
    assert said in trouble.reason
    assert not trouble.final


def test_what_is_waited_for_too_long_is_final(api, jobs):
    pod = {
        "phase": "Pending",
        "conditions": condition("PodScheduled", "False", "Unschedulable", "0/1 nodes"),
    }
    trouble = look(api, jobs, pod, patience_s=300)
    assert trouble.final
    assert trouble.reason.startswith("it did not begin within 300 s: no node takes the pod")


def test_memory_that_was_exceeded_is_named(api, jobs):
    pod = ended(137, "OOMKilled") | {"memory": "1Gi"}
    trouble = look(api, jobs, pod, failed=1)
    assert "more memory than its limit of 1Gi" in trouble.reason
    assert "limits.memory" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, True)


def test_eviction_is_told_with_the_nodes_words(api, jobs):
    said = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi."
    pod = ended(137) | {"reason": "Evicted", "message": said}
    trouble = look(api, jobs, pod, failed=1)
    assert trouble.reason.startswith(f"its node node-1 evicted it: {said}")
    assert (trouble.final, trouble.retry) == (True, True)


@pytest.mark.parametrize("phase", ["Running", "Failed"])
def test_lost_node_is_told_once_the_job_has_failed(api, jobs, phase):
    said = "Taint manager: deleting due to NoExecute taint"
    pod = {
        "phase": phase,
        "conditions": condition("DisruptionTarget", "True", "DeletionByTaintManager", said),
    }
    trouble = look(api, jobs, pod, failed=1)
    assert "its node was lost" in trouble.reason
    assert "node-1" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, True)


def test_node_that_only_seems_lost_is_waited_for(api, jobs):
    pod = {
        "phase": "Running",
        "conditions": condition("DisruptionTarget", "True", "DeletionByTaintManager", "x"),
    }
    assert not look(api, jobs, pod, active=1).final


def test_pod_that_is_gone_with_its_node(api, jobs):
    api.add_event(f"{JOB}-abcde", "NodeNotReady", "Node is not ready")
    trouble = look(api, jobs, None, failed=1)
    assert "its pod is gone" in trouble.reason
    assert "NodeNotReady: Node is not ready" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, True)


@pytest.mark.parametrize("pod", [None, {"phase": "Failed"}])
def test_deadline_is_named_and_not_tried_again(api, jobs, pod):
    conditions = condition("Failed", "True", "DeadlineExceeded", "Job was active longer than …")
    trouble = look(api, jobs, pod, failed=1, conditions=conditions)
    assert "activeDeadlineSeconds" in trouble.reason
    assert (trouble.final, trouble.retry) == (True, False)


def test_quota_that_takes_no_pod_is_quoted(api, jobs):
    api.add_event(JOB, "FailedCreate", 'pods "x" is forbidden: exceeded quota', kind="Job")
    trouble = look(api, jobs, None)
    assert "exceeded quota" in trouble.reason
    assert not trouble.final


def test_process_that_ends_by_itself_is_told_with_its_last_lines(api, jobs):
    api.logs[f"{JOB}-abcde"] = "Traceback …\nModuleNotFoundError: No module named 'x'\n"
    trouble = look(api, jobs, ended(1), failed=1)
    said = jobs.explain(JOB, trouble)
    assert said.startswith("its process ended with exit code 1; its last lines:\n")
    assert "No module named 'x'" in said


def test_process_that_can_not_be_started(api, jobs):
    trouble = look(api, jobs, ended(128, "StartError", message='exec: "x": not found'), failed=1)
    assert 'exec: "x": not found' in trouble.reason
    assert not trouble.retry


def test_job_that_was_deleted(jobs):
    assert jobs.look(JOB).trouble.reason == "its Job was deleted"
    assert not jobs.look(JOB).found


def test_events_of_another_job_with_a_longer_name_are_not_taken(api, jobs):
    api.add_event(f"{JOB}0-abcde", "NodeNotReady", "another's")
    assert "another's" not in look(api, jobs, None, failed=1).reason


def test_running_and_finished_pods_have_no_trouble(api, jobs):
    running = {"phase": "Running", "containerStatuses": [container({"running": {}})]}
    assert look(api, jobs, running) is None
    assert look(api, jobs, {"phase": "Succeeded"}, succeeded=1) is None
