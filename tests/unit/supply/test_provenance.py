"""The statement about how an image was built."""

import json
import re
import subprocess

import pytest

from scripts.attest import AttestError, provenance_of
from scripts.chart_values_page import ROOT
from scripts.provenance import BASE, main, source_of, statement

DIGEST = "sha256:" + 64 * "a"
DOCKERFILES = sorted((ROOT / "images").glob("*/Dockerfile"))


@pytest.fixture
def clone(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    (tmp_path / "uv.lock").write_text("lock")
    git("init", "--quiet")
    git("remote", "add", "origin", "https://me:secret@git.example.org/acme/stack.git")
    git("add", "--all")
    git("commit", "--quiet", "--message", "All")
    return tmp_path


def test_the_source_is_a_commit_and_what_is_in_none(clone):
    (clone / "Dockerfile").write_text("FROM x")
    said = source_of(clone, "Dockerfile")
    assert said["url"] == "https://git.example.org/acme/stack.git"
    assert re.fullmatch(r"[0-9a-f]{40}", said["commit"])
    assert said["uncommitted"] == ["Dockerfile"]
    assert set(said["files"]) == {"uv.lock", "Dockerfile"}


def test_without_git_the_source_is_unknown(tmp_path):
    assert source_of(tmp_path, "Dockerfile") == {
        "url": "unknown", "commit": "unknown", "uncommitted": [], "files": {},
    }  # fmt: skip


def test_the_statement_names_image_base_and_arguments(clone):
    base = f"mirror.example.org/python:3.11@{DIGEST}"
    build = {"context": ".", "dockerfile": "Dockerfile", "arguments": {"BASE": base}}
    said = statement("r.example.org/stack/x", DIGEST, build, source_of(clone, "Dockerfile"), "now")
    assert said["subject"] == [{"name": "r.example.org/stack/x", "digest": {"sha256": 64 * "a"}}]
    definition = said["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == build
    materials = {m["uri"]: m["digest"] for m in definition["resolvedDependencies"]}
    assert materials["docker:mirror.example.org/python:3.11"] == {"sha256": 64 * "a"}
    assert set(materials["git+https://git.example.org/acme/stack.git"]) == {"gitCommit"}


def test_a_base_by_tag_alone_has_no_digest_that_nobody_looked_up(clone):
    build = {"context": ".", "dockerfile": "Dockerfile", "arguments": {}}
    said = statement("x", DIGEST, build, source_of(clone, "Dockerfile"), "now")
    materials = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"uri": f"docker:{BASE}", "digest": {}} in materials


def test_provenance_of_another_build_is_refused(tmp_path):
    main([
        "--image", "r/x", "--digest", DIGEST, "--started", "now", "--context", ".",
        "-f", "images/dagster/Dockerfile", "--build-arg", "VERSION=1", "--platform", "linux/arm64",
        "--no-cache",
        "--to", str(tmp_path / "x.json"),
    ])  # fmt: skip
    built = json.loads(provenance_of("x", f"r/x@{DIGEST}", tmp_path))
    given = built["predicate"]["buildDefinition"]["externalParameters"]
    assert given["arguments"] == {"VERSION": "1"}
    assert (given["platform"], given["flags"]) == ("linux/arm64", ["--no-cache"])
    with pytest.raises(AttestError, match=r"x\.json is of another build: found sha256:aaaa"):
        provenance_of("x", f"r/x@sha256:{64 * 'b'}", tmp_path)
    with pytest.raises(AttestError, match="y: no provenance in"):
        provenance_of("y", f"r/x@{DIGEST}", tmp_path)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda file: file.parent.name)
def test_images_build_on_a_version_that_an_argument_may_replace(dockerfile):
    text = dockerfile.read_text()
    assert f"\nARG BASE={BASE}\n" in text
    assert re.search(r":\d+\.\d+", BASE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {"${BASE}", "common"}
