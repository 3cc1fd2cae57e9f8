"""Sins of an agent around deployment."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import archive, device, document, reporter
from wos_reference.agent.device import Fleet
from wos_reference.agent.document import CoreLoader, Document
from wos_reference.agent.ledger import Deployment
from wos_reference.agent.reconciler import Reconciler
from wos_reference.agent.report import uniform
from wos_reference.agent.runtime import WorkloadError, folder, registry, simulation, workloads_of
from wos_reference.agent.runtime.folder import FolderRuntime
from wos_reference.agent.runtime.registry import Registry


@AGENT.against("deployment.ambiguous-yaml-refused")
def follows_aliases(patch: Patch) -> None:
    """Reads a document that says one thing in two places."""
    patch(document, "_bound", lambda text: None)


@AGENT.against("deployment.ambiguous-yaml-refused")
def takes_the_last_of_two_keys(patch: Patch) -> None:
    """Reads a mapping as most libraries do."""

    def last(loader: CoreLoader, node: Any) -> dict[str, Any]:
        return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}

    constructors = CoreLoader.yaml_constructors | {"tag:yaml.org,2002:map": last}
    patch(CoreLoader, "yaml_constructors", constructors)


@AGENT.against(
    "deployment.parameters-applied",
    consequences=("deployment.compose-environment-set", "desired-state.converges", "status.installed-reported"),
)
def ignores_parameters(patch: Patch) -> None:
    """Runs components with nothing set."""
    patch(document, "parameters_of", lambda component, parameters: {})


@AGENT.against("deployment.ineligible-not-run")
def runs_what_does_not_fit(patch: Patch) -> None:
    """Does not look at constraints."""
    patch(device, "is_eligible", lambda constraints, offer: True)


@AGENT.against("deployment.unknown-child-101")
def uses_a_code_of_its_own(patch: Patch) -> None:
    """Gives another code for a child that it does not know."""
    place = Fleet.place

    def rename(self: Fleet, *arguments: Any) -> str:
        try:
            return place(self, *arguments)
        except WorkloadError as error:
            error.code = "device-unknown" if error.code == "101" else error.code
            raise

    patch(Fleet, "place", rename)


@AGENT.against("deployment.any-child-answered", consequences=("status.child-named",))
def keeps_its_choice_to_itself(patch: Patch) -> None:
    """Does not name the child that it has chosen."""
    body = reporter.report_body

    def silent(document: Any, *rest: Any) -> tuple[bytes, str]:
        return body(replace(document, device_id=""), *rest)

    patch(reporter, "report_body", silent)


def _of_type(patch: Patch, kind: str, change: Callable[[Document], Document]) -> None:
    """Read the documents of one deployment type as if they were others."""
    read = document._document

    def changed(content: Any, deployment_id: str) -> Document:
        found = read(content, deployment_id)
        return change(found) if found.type == kind else found

    patch(document, "_document", changed)


def _with_nothing_set(document: Document) -> Document:
    return replace(document, components=tuple(replace(c, parameters={}) for c in document.components))


@AGENT.against(
    "deployment.helm-values-set",
    consequences=("deployment.parameters-applied", "desired-state.converges", "status.installed-reported"),
)
def installs_charts_as_they_come(patch: Patch) -> None:
    """Sets no value of a chart."""
    _of_type(patch, "helm", _with_nothing_set)


@AGENT.against(
    "deployment.compose-environment-set", consequences=("deployment.parameters-applied", "desired-state.converges")
)
def starts_projects_as_they_come(patch: Patch) -> None:
    """Sets no environment variable of a Compose project."""
    _of_type(patch, "compose", _with_nothing_set)


def _never_fail(patch: Patch, kind: str) -> None:
    """Wait on, without a word, when a deployment of this type does not become ready."""
    fail = Reconciler._fail

    def wait(self: Reconciler, deployment: Deployment, *rest: Any) -> None:
        if self._reporter.document(deployment).type != kind:
            fail(self, deployment, *rest)

    patch(Reconciler, "_fail", wait)


@AGENT.against("deployment.helm-timeout-fails")
def waits_for_charts_for_ever(patch: Patch) -> None:
    """Does not look at the timeout of a chart."""
    _never_fail(patch, "helm")


@AGENT.against("deployment.compose-timeout-fails")
def waits_for_projects_for_ever(patch: Patch) -> None:
    """Does not look at the timeout of a Compose project."""
    _never_fail(patch, "compose")


def _begin_at_once(patch: Patch, kind: str) -> None:
    """Begin with every component of a deployment of this type, whatever became of the ones before (D34)."""
    install = FolderRuntime.install

    def hasty(self: FolderRuntime, document: Document) -> None:
        if document.type == kind:
            for workload in workloads_of(document)[1:]:
                (home := self._root / document.deployment_id).mkdir(parents=True, exist_ok=True)
                folder.write_workload(home, workload)
        install(self, document)

    begin = Reconciler._report_beginning

    def say_so(self: Reconciler, deployment: Deployment) -> None:
        if deployment.wanted and (wanted := self._reporter.document(deployment)).type == kind:
            self._reporter.report_components(deployment, uniform(wanted, "installing"))
        else:
            begin(self, deployment)

    patch(FolderRuntime, "install", hasty)
    patch(Reconciler, "_report_beginning", say_so)


@AGENT.against("deployment.helm-in-order")
def installs_all_charts_at_once(patch: Patch) -> None:
    """Does not wait for a chart before it begins with the next (D34)."""
    _begin_at_once(patch, "helm")


@AGENT.against("deployment.compose-in-order")
def starts_all_projects_at_once(patch: Patch) -> None:
    """Does not wait for a Compose project before it begins with the next (D34)."""
    _begin_at_once(patch, "compose")


@AGENT.against("deployment.helm-namespace-used")
def installs_charts_into_one_namespace(patch: Patch) -> None:
    """Does not look at the namespace of a document."""
    _of_type(patch, "helm", lambda document: replace(document, namespace="default"))


def _believe_registry(patch: Patch, media_type: str) -> None:
    """Take a layer of this type as it comes."""
    retrieve, verify = Registry._layer, registry.verify_digest
    believed = threading.local()

    def retrieved(self: Registry, repository: str, revision: str, wanted: str) -> bytes:
        believed.now = wanted == media_type
        return retrieve(self, repository, revision, wanted)

    patch(Registry, "_layer", retrieved)
    patch(registry, "verify_digest", lambda content, digest: None if believed.now else verify(content, digest))


@AGENT.against("deployment.helm-chart-verified")
def believes_registries_of_charts(patch: Patch) -> None:
    """Does not compare a chart with its digest."""
    _believe_registry(patch, registry.CHART_LAYER_TYPE)


@AGENT.against("deployment.compose-archive-verified")
def believes_registries_of_archives(patch: Patch) -> None:
    """Does not compare an archive with its digest."""
    _believe_registry(patch, registry.COMPOSE_LAYER_TYPE)


@AGENT.against("deployment.compose-archive-checked")
def unpacks_what_it_can(patch: Patch) -> None:
    """Passes over the members of an archive that lead outside."""
    unpack = archive.unpack_member

    def tolerant(*arguments: Any) -> None:
        with suppress(archive.ArchiveError):
            unpack(*arguments)

    patch(archive, "unpack_member", tolerant)


@AGENT.against("deployment.compose-archive-checked")
def takes_the_folder_that_it_likes(patch: Patch) -> None:
    """Does not mind what else is at the top of an archive."""
    unpack = archive.unpack_folder

    def choosy(data: bytes, folder: Path) -> Path:
        try:
            return unpack(data, folder)
        except archive.ArchiveError as error:
            if "at its root" not in str(error):
                raise
        return next(path.parent for path in folder.glob("*/compose.yaml"))

    patch(archive, "unpack_folder", choosy)


@AGENT.against("deployment.compose-archive-checked")
def does_without_a_compose_file(patch: Patch) -> None:
    """Takes an archive without the file for one with nothing to start."""
    read = simulation._compose_file

    def lenient(data: bytes) -> bytes:
        try:
            return read(data)
        except WorkloadError as error:
            if "compose.yaml" not in str(error):
                raise
            return b"{}"

    patch(simulation, "_compose_file", lenient)


@AGENT.against("deployment.compose-exit-fails")
def waits_for_what_has_ended(patch: Patch) -> None:
    """Looks at the timeout of a component alone, not at its containers."""
    again = Reconciler._is_to_be_tried_again

    def patient(self: Reconciler, deployment: Deployment, failure: Any) -> bool:
        return "has ended" in str(failure) or again(self, deployment, failure)

    patch(Reconciler, "_is_to_be_tried_again", patient)
