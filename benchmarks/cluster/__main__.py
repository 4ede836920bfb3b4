"""What a run costs on a cluster, beside the same cluster with stock settings.

    make bench-cluster ARGS="--runs 7 --pipelines 3"

KUBECONFIG names the cluster; IMAGE_REGISTRY and BUILD_IMAGE are as for scripts/build-images.sh, and
IMAGES names a values file of images that are already built. A separate release is measured with the
chart's values, then upgraded to stock settings (settings/stock.yaml) and measured again. Nothing
else should use the cluster in the meantime.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.cluster.deploy import chart_version, install_ours, install_stock, measured_release
from benchmarks.cluster.findings import findings, print_profiles
from benchmarks.cluster.measure import Measured, Repeats, measure, say
from benchmarks.report import RESULTS, publish


def main() -> int:
    """Measure, publish, and return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--pipelines", type=int, default=3)
    given = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        sys.exit("bench-cluster: KUBECONFIG is not set: name the cluster's kubeconfig in it")
    repeats = Repeats(given.runs, given.pipelines)
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="stack-bench-") as folder,
        measured_release(Path(folder)) as release,
    ):
        say("with the chart's settings")
        install_ours(release)
        ours = kept("cluster-ours", measure(release, repeats))
        say("with stock settings")
        install_stock(release)
        stock = kept("cluster-stock", measure(release, repeats))
    conditions = {
        "runs": given.runs,
        "pipelines": given.pipelines,
        "chart": chart_version(),
        "load before": f"{load:.1f}",
    }
    met = publish("cluster", findings(ours, stock), conditions)
    print_profiles(ours, stock)
    return 0 if met else 1


def kept(name: str, measured: Measured) -> Measured:
    """Write the results at once: the other half takes long, and may fail."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(measured.details(), indent=2))
    return measured


if __name__ == "__main__":
    sys.exit(main())
