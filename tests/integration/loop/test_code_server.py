"""A real code server accepts states of its location's files, one at a time and complete."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from integration.loop.conftest import IMAGE, WORDS, command, environment, serving
from pods.code import code_of
from stack.sync.files import digest_of, pack


def named(server, job):
    return server.files(f'WORD = "{job}"\n')


def test_state_takes_over_and_its_runs_fetch_it(server):
    assert server.jobs() == {"original"}
    assert code_of(server.location().container_context) is None
    before = server.location().server_id
    files = named(server, "edited")
    answer = server.take(files)
    assert (answer["error"], answer["is_new"]) == (None, True)
    assert server.jobs() == {"edited"}
    assert server.location().server_id != before
    assert server.shown()["synced code"] == digest_of(files)

    context = server.location().container_context
    assert code_of(context) == digest_of(files)
    run = context["k8s"]["run_k8s_config"]
    [fetch] = run["pod_spec_config"]["initContainers"]
    assert fetch["image"] == IMAGE
    elsewhere = server.folder / "pod"
    artifacts = str(server.folder / "home/artifacts")
    subprocess.run(
        [sys.executable, *fetch["command"][1:]], check=True,
        env=environment(server.folder, STACK_HOME=str(elsewhere), ARTIFACTS_URL=artifacts),
    )  # fmt: skip
    fetched = elsewhere / "code" / digest_of(files)
    assert {f.relative_to(fetched).as_posix() for f in fetched.rglob("*") if f.is_file()} == {
        *files
    }
    assert (fetched / WORDS).read_bytes() == files[WORDS]

    assert server.take(files)["is_new"] is False, "it is there"


def test_what_cannot_be_loaded_leaves_the_former_and_is_told_until_it_is_mended(server):
    good = named(server, "good")
    server.take(good)
    broken = server.take(server.files("WORD = = 1\n"))
    assert "SyntaxError" in broken["error"]
    assert "words.py" in broken["error"]
    assert server.jobs() == {"good"}
    assert "SyntaxError" in server.shown()["code not taken"]
    assert code_of(server.location().container_context) == digest_of(good)

    gone = {path: content for path, content in good.items() if path != WORDS}
    assert "tiny.words" in server.take(gone)["error"], "a file that was deleted is gone"
    assert server.jobs() == {"good"}

    told = server.location().server_id
    assert server.take(good)["error"] is None
    assert "code not taken" not in server.shown()
    assert server.location().server_id != told, "by which the webserver knows"


def test_state_that_arrives_in_part_or_is_another_changes_nothing(server):
    files = named(server, "edited")
    packed = pack(files)
    for cut in (b"", packed[:200], packed[: len(packed) // 2]):
        assert server.take(files, cut or b"\0")["error"]
    assert "differ" in server.take(files, pack(named(server, "other")))["error"]
    outside = files | {"../outside.py": b""}
    assert "below" in server.take(outside)["error"]
    assert server.states() == set()
    assert server.jobs() == {"original"}
    assert server.take(files)["error"] is None


def test_two_syncs_at_once_end_as_one_of_them_wholly(server):
    jobs = {"one": named(server, "one"), "two": named(server, "two")}
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(server.take, jobs.values()))
    assert [a["error"] for a in answers] == [None, None]
    [last] = server.jobs()
    digest = digest_of(jobs[last])
    assert code_of(server.location().container_context) == digest
    published = server.folder / "home/artifacts/code/tiny/current.json"
    assert json.loads(published.read_text())["digest"] == digest


def test_code_server_that_starts_again_has_what_was_synced_to_its_image(checkout):
    with serving(checkout) as server:
        server.take(named(server, "edited"))
        former = server.location().server_id
    with serving(checkout) as server:
        assert server.jobs() == {"edited"}
        server.location().client.reload_code(timeout=120)
        assert server.jobs() == {"edited"}, "Reload in the UI loads the same again"
        assert server.location().server_id != former
    with serving(checkout, image="registry.example.org/tiny:2") as server:
        assert server.jobs() == {"original"}, "a new image is newer"


def test_code_server_of_production_takes_no_code(checkout):
    done = subprocess.run(
        command(checkout, 1), env=environment(checkout, DAGSTER_ENV="prod"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "DAGSTER_ENV=prod" in done.stderr.splitlines()[-1]
