"""The scripts of ci/, in a separate repository; programs only record their calls."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from scripts.chart_values_page import ROOT

DIGEST = "sha256:" + 64 * "a"
DEV = "k8s/envs/dev/images.yaml"
RECORD = '#!/usr/bin/env bash\nprintf "%s\\n" "${0##*/} $*" >>"$ASKED"\n'
# A kind and a docker that know what they have made.
KIND = """\
case "$1 $2" in
"get clusters") cat "$STATE/clusters" 2>/dev/null ;;
"create cluster") echo freelancer-data-stack >>"$STATE/clusters" ;;
"delete cluster") rm "$STATE/clusters" ;;
esac
"""
DOCKER = """\
case "$1 $2" in
"container inspect") cat "$STATE/registry" ;;
"run --detach") echo bridge >"$STATE/registry" ;;
"network connect") echo "bridge kind " >"$STATE/registry" ;;
"rm --force") rm "$STATE/registry" ;;
esac
"""
MAKE = """\
[[ $1 != "$BREAKS" ]] || exit 3
case $1 in
images) cat "$STATE/images.yaml" ;;
esac
"""
STACK = """\
[[ $4 != --proof ]] || cp "$5" "$STATE/proof"
[[ $1 != "$BREAKS" ]] || exit 3
[[ -z $PROMOTES ]] && { echo "nothing to promote"; exit; }
echo "# promoted" >>k8s/envs/staging/images.yaml
git commit --quiet --all --message "Promote"
echo "quality: old → new"
"""
GH = """\
case "$1 $2" in
"pr list") cat "$STATE/request" 2>/dev/null || true ;;
"pr create") echo 7 >"$STATE/request" ;;
esac
"""
PYTHON = 'echo "python:3.11@sha256:base"\n'


@dataclass
class Home:
    """A clone with the scripts, an origin, and the programs."""

    root: Path
    state: Path
    environment: dict[str, str]

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / command[0], *command[1:]], capture_output=True, text=True, check=False,
            env=self.environment | variables, cwd=self.root, timeout=60,
        )  # fmt: skip

    def asked(self, program: str) -> list[str]:
        file = Path(self.environment["ASKED"])
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{program} ")]

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=self.environment, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture
def home(tmp_path):
    root, state, programs = (tmp_path / name for name in ("clone", "state", "programs"))
    for folder in ("ci", "scripts", "k8s"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "charts/freelancer-data-stack").mkdir(parents=True)
    for file in ("kind-config.yaml", "charts/freelancer-data-stack/Chart.yaml"):
        shutil.copy(ROOT / file, root / file)
    state.mkdir()
    programs.mkdir()
    acting = {"kind": KIND, "docker": DOCKER, "make": MAKE, "gh": GH}
    silent = ("kubectl", "helm", "oras", "syft", "promtool", "chromium")
    for name, does in {**acting, **dict.fromkeys(silent, "")}.items():
        (programs / name).write_text(RECORD + does)
        (programs / name).chmod(0o755)
    (root / ".venv/bin").mkdir(parents=True)
    for name, does in {"python": PYTHON, "stack": STACK}.items():
        (root / ".venv/bin" / name).write_text(RECORD + does)
        (root / ".venv/bin" / name).chmod(0o755)
    (root / ".gitignore").write_text(".venv\n")
    built = (ROOT / DEV).read_text().replace("digest: ''", f"digest: {DIGEST}")
    (state / "images.yaml").write_text(f"image: {{registry: ghcr.io/acme}}\n{built}")
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path),
        "ASKED": str(state / "asked"), "STATE": str(state), "BREAKS": "", "PROMOTES": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
    }  # fmt: skip
    home = Home(root, state, environment)
    home.git("init", "--quiet", "--initial-branch", "main")
    home.git("add", "--all")
    home.git("commit", "--quiet", "--message", "All")
    home.git("init", "--quiet", "--bare", str(tmp_path / "origin"))
    home.git("remote", "add", "origin", str(tmp_path / "origin"))
    return home


@pytest.mark.parametrize(
    ("script", "target"), [("lint", "lint"), ("test", "test"), ("chart", "test-chart")]
)
def test_a_script_calls_the_habit_of_its_name(home, script, target):
    done = home.run(f"ci/{script}.sh")
    assert done.returncode == 0, done.stderr
    assert home.asked("make") == [target]
    assert home.run(f"ci/{script}.sh", BREAKS=target).returncode == 3


def things(home: Home) -> set[str]:
    return {name for name in ("clusters", "registry") if (home.state / name).exists()}


@pytest.mark.parametrize("breaks", ["", "images", "test-cluster"])
@pytest.mark.parametrize("before", [set(), {"registry"}, {"clusters", "registry"}])
def test_what_the_cluster_tests_made_is_deleted_and_what_was_there_stays(home, before, breaks):
    contents = {"clusters": "freelancer-data-stack\n", "registry": "bridge kind\n"}
    for name in before:
        (home.state / name).write_text(contents[name])
    done = home.run("ci/cluster.sh", BREAKS=breaks)
    assert done.returncode == (3 if breaks else 0), done.stderr
    assert things(home) == before
    assert ("test-cluster" in home.asked("make")) == (breaks != "images")


def test_a_kind_cluster_is_made_once_with_registry_and_ingress(home):
    for _ in range(2):
        done = home.run("scripts/kind.sh", "up")
        assert done.returncode == 0, done.stderr
    asked = [line.split()[0] for line in home.asked("docker") + home.asked("kind")]
    assert (asked.count("create"), asked.count("run"), asked.count("network")) == (1, 1, 1)
    assert any("k8s/kind/ingress.yaml" in line for line in home.asked("kubectl"))
    assert home.run("scripts/kind.sh", "missing").stdout == ""
    assert home.run("scripts/kind.sh", "down").returncode == 0
    assert things(home) == set()
    assert home.run("scripts/kind.sh", "missing").stdout == "cluster\nregistry\n"


def version(home: Home) -> str:
    chart = yaml.safe_load((home.root / "charts/freelancer-data-stack/Chart.yaml").read_text())
    return f"v{chart['appVersion']}"


def test_a_release_publishes_images_with_their_documents_then_the_chart(home, tmp_path):
    file = tmp_path / "images.yaml"
    done = home.run(
        "ci/release.sh", version(home), str(file), IMAGE_REGISTRY="ghcr.io/Acme",
        REGISTRY_USER="ann", REGISTRY_PASSWORD="the-secret",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert home.asked("make") == [
        "setup", "images", f"attest IMAGES={file}", "publish-chart TO=oci://ghcr.io/acme/charts"
    ]  # fmt: skip
    assert yaml.safe_load(file.read_text())["dagster"]["image"]["digest"] == DIGEST
    assert "the-secret" not in done.stdout + done.stderr + (home.state / "asked").read_text()


def test_a_release_of_another_version_than_the_charts_is_refused(home):
    done = home.run("ci/release.sh", "v99.0.0", IMAGE_REGISTRY="ghcr.io/acme")
    assert done.returncode == 1
    assert done.stderr == (
        "release: 'v99.0.0' is not the version of charts/freelancer-data-stack/Chart.yaml: "
        f"expected {version(home)}, or another appVersion\n"
    )
    assert home.asked("make") == []


def test_a_release_whose_chart_is_refused_fails(home):
    done = home.run(
        "ci/release.sh", version(home), IMAGE_REGISTRY="ghcr.io/acme", BREAKS="publish-chart"
    )
    assert done.returncode == 3


def test_a_release_page_is_made_with_the_tag_of_the_chart(home):
    for _ in range(2):
        done = home.run("ci/announce.sh", version(home), "images.yaml")
        assert done.returncode == 0, done.stderr
    assert home.git("ls-remote", "--tags", "origin").count("refs/tags/chart-") == 1


def requests(home: Home) -> list[str]:
    """What GitHub was asked about pull requests."""
    return [line.split()[1] for line in home.asked("gh") if line.startswith("pr ")]


def branches(home: Home) -> str:
    return home.git("ls-remote", "--heads", "origin")


def test_a_promotion_is_a_pull_request_with_what_it_says_and_renewed_by_the_next(home):
    for time in range(2):
        home.git("commit", "--quiet", "--allow-empty", "--message", f"Something else {time}")
        head = home.git("rev-parse", "main")
        done = home.run("ci/promote.sh", "dev", "staging", "--location", "quality")
        assert done.returncode == 0, done.stderr
    home.git("fetch", "--quiet", "origin")
    assert home.git("rev-parse", "origin/promote/dev-to-staging^") == head
    assert requests(home) == ["list", "create", "list", "edit"]
    assert "quality: old → new" in (home.state / "asked").read_text()
    assert "quality: old → new" in done.stdout
    assert "promote dev staging --location quality" in home.asked("stack")
    assert home.git("rev-parse", "HEAD", "main").split() == [head, head]


def test_a_proof_reaches_the_promotion_as_a_file(home):
    done = home.run("ci/promote.sh", "dev", "staging", PROOF='{"environment": "dev"}')
    assert done.returncode == 0, done.stderr
    assert (home.state / "proof").read_text() == '{"environment": "dev"}'


def test_what_is_promoted_already_makes_no_pull_request(home):
    done = home.run("ci/promote.sh", "dev", "staging", PROMOTES="")
    assert (done.returncode, done.stdout) == (0, "nothing to promote\n")
    assert requests(home) == []
    assert branches(home) == ""


def test_a_promotion_that_is_refused_pushes_nothing(home):
    done = home.run("ci/promote.sh", "dev", "staging", BREAKS="promote")
    assert done.returncode == 3
    assert requests(home) == []
    assert branches(home) == ""
    assert home.git("branch", "--show-current") == "main"


def test_the_images_of_a_release_go_to_dev(home):
    file = home.state / "images.yaml"
    done = home.run("ci/promote.sh", str(file), "dev", GITHUB_REF_NAME="v0.1.0")
    assert done.returncode == 0, done.stderr
    assert home.git("status", "--porcelain") == ""
    home.git("fetch", "--quiet", "origin")
    home.git("switch", "--quiet", "--detach", "origin/promote/release-to-dev")
    dev = home.root / DEV
    assert yaml.safe_load(dev.read_text()) == yaml.safe_load(file.read_text())
    assert dev.read_text().startswith("# Images of dev.")
    assert home.git("log", "-1", "--format=%s", "--name-only").split("\n\n") == [
        "Images of v0.1.0", DEV
    ]  # fmt: skip
    home.git("switch", "--quiet", "--force-create", "main")
    (home.state / "request").unlink()
    done = home.run("ci/promote.sh", str(file), "dev")
    assert (done.returncode, done.stdout) == (0, "nothing to promote: dev has these images\n")


def test_a_release_goes_nowhere_but_to_dev(home):
    done = home.run("ci/promote.sh", str(home.state / "images.yaml"), "prod")
    assert done.returncode == 1
    assert "a release's images go to dev" in done.stderr


def test_a_program_that_nobody_has_and_none_can_compile_is_named(home):
    done = home.run("scripts/tools.sh", "nonesuch")
    assert (done.returncode, done.stderr) == (
        1, "tools: no nonesuch on PATH, and none in scripts/tools.txt: install it\n"
    )  # fmt: skip
    done = home.run("scripts/tools.sh", "helm", "kind")
    assert (done.returncode, done.stderr) == (0, "")
