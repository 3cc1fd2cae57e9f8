"""Helm rendered at the edge against Helm rendered before, on the charts beside this file.

Writes `result.md`. Needs a helm binary: `python benchmarks/helm_rendering/measure.py --helm PATH`.
"""

import argparse
import gzip
import os
import re
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).resolve().parent
VERSIONS = ("1.24.0", "1.29.0", "1.33.0")
WOS = "wos.plant.example"
REPEATS = 9
MEBIBYTE = 2**20


class Rendering(NamedTuple):
    """What one call of helm gave, in seconds and KiB."""

    objects: str
    seconds: float
    peak: int


class Comparison(NamedTuple):
    """One chart both ways; sizes in bytes, `variants` over all versions of Kubernetes."""

    chart: str
    chart_size: int
    edge: bytes
    before: bytes
    edge_hosts: set[str]
    before_hosts: set[str]
    variants: int
    seconds: float
    peak: int


def main() -> None:
    """Measure all charts and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--helm", type=Path, required=True, help="a helm binary")
    helm: Path = options.parse_args().helm
    documents = yaml.safe_load((FOLDER / "documents.yaml").read_bytes())
    found = [compare(helm, name, document) for name, document in documents.items()]
    (FOLDER / "result.md").write_text(page(helm, found), "utf-8")


def compare(helm: Path, chart: str, document: dict[str, Any]) -> Comparison:
    """Render one chart for all versions of Kubernetes and set it beside its document."""
    renderings = {version: [render(helm, chart, document, version) for _ in range(REPEATS)] for version in VERSIONS}
    flat = [rendering for repeated in renderings.values() for rendering in repeated]
    objects = renderings[VERSIONS[-1]][0].objects
    images = {host for image in re.findall(r'image: "?([^"\s]+)', objects) for host in [image.partition("/")[0]]}
    repositories = [c["properties"]["repository"] for c in document["spec"]["deploymentProfile"]["components"]]
    charts = {re.split("//|/", repository)[1] for repository in repositories}
    return Comparison(
        chart=chart,
        chart_size=sum(path.stat().st_size for path in (FOLDER / "charts" / chart).rglob("*") if path.is_file()),
        edge=yaml.safe_dump(document, sort_keys=False).encode(),
        before=objects.encode(),
        edge_hosts={WOS} | charts | images,
        before_hosts={WOS} | images,
        variants=len({rendering.objects for rendering in flat}),
        seconds=median(rendering.seconds for rendering in flat),
        peak=max(rendering.peak for rendering in flat),
    )


def render(helm: Path, chart: str, document: dict[str, Any], version: str) -> Rendering:
    """One call of `helm template` with the parameters of the document, measured."""
    values = [
        f"--set={target['pointer']}={parameter['value']}"
        for parameter in document["spec"]["parameters"].values()
        for target in parameter["targets"]
    ]
    command = [str(helm), "template", chart, str(FOLDER / "charts" / chart), f"--kube-version={version}", *values]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    objects = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"helm could not render {chart}")
    return Rendering(objects, time.perf_counter() - began, usage.ru_maxrss)


def page(helm: Path, found: list[Comparison]) -> str:
    """The figures as Markdown."""
    command = [str(helm), "version", "--template={{.Version}}"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    size = helm.resolve().stat().st_size
    heads = ["Chart", *(f"document, {where}" for where in ("edge", "before")), "factor"]
    heads += ["gzip, edge", "gzip, before", "hosts, edge", "hosts, before", "texts over versions", "ms", "MiB"]
    lines = [heads, ["---"] * len(heads), *(cells(comparison) for comparison in found)]
    return (
        "\n\n".join(
            [
                "# Figures",
                "Written by `python benchmarks/helm_rendering/measure.py --helm PATH`; see README.md.",
                f"helm {version}, {size / MEBIBYTE:.1f} MiB; Kubernetes {', '.join(VERSIONS)}; {REPEATS} times each.",
                "\n".join(f"| {' | '.join(line)} |" for line in lines),
            ]
        )
        + "\n"
    )


def cells(comparison: Comparison) -> list[str]:
    """One line of the table."""
    edge, before = len(comparison.edge), len(comparison.before)
    packed = [str(len(gzip.compress(body, mtime=0))) for body in (comparison.edge, comparison.before)]
    hosts = [str(len(comparison.edge_hosts)), str(len(comparison.before_hosts))]
    cost = [f"{comparison.seconds * 1000:.0f}", f"{comparison.peak / 1024:.0f}"]
    return [
        comparison.chart,
        str(edge),
        str(before),
        f"{before / edge:.1f}",
        *packed,
        *hosts,
        str(comparison.variants),
        *cost,
    ]


if __name__ == "__main__":
    main()
