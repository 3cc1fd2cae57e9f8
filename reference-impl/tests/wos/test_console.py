"""The operator's side: the command, the page, figures, health."""

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from click.testing import CliRunner, Result
from visited_wos import APPLICATION, PATIENCE, TOKEN, Client, Wos

from wos_reference.wos.cli import main
from wos_reference.wos.overview import AT_ONCE

SPECIFICATION = next(p / "spec/v1.0" for p in Path(__file__).resolve().parents if (p / "spec/v1.0").is_dir())
EXAMPLES = SPECIFICATION / "examples" / "application-description"


def run(wos: Wos, *arguments: str) -> Result:
    """`reference-wos` against a WOS."""
    connection = ["--url", wos.control_url, "--token-file", str(wos.folder / "token")]
    return CliRunner().invoke(main, [*connection, *arguments])


def told(wos: Wos, *arguments: str) -> str:
    """What it says when it succeeds."""
    result = run(wos, *arguments)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def await_told(wos: Wos, command: str, pattern: str) -> None:
    """Something that the WOS writes down a moment later."""
    deadline = time.monotonic() + PATIENCE
    while not re.search(pattern, said := told(wos, command)):
        assert time.monotonic() < deadline, said


def imported(client: Client, folder: Path, **changes: Any) -> str:
    """The id of an application that was imported and that no other test has."""
    name = f"app-{abs(hash(client.spiffe_id)):x}"
    (folder / "margo.yaml").write_text(json.dumps({**APPLICATION, "id": name, **changes}))
    assert told(client.wos, "import-application", str(folder / "margo.yaml")) == name
    return name


def test_command_does_what_an_operator_needs(client: Client, tmp_path: Path) -> None:
    """From the application to its withdrawal."""
    application = imported(client, tmp_path)
    wos = client.wos
    deployment = told(wos, "assign", client.spiffe_id, application, "--profile", "small", "--parameter", "rate=12")
    assert [entry["deploymentId"] for entry in client.manifest()["deployments"]] == [deployment]
    assert re.search(
        rf"{deployment} +{application} 1.0.0 +{client.device_id} +not reported +- +2", told(wos, "deployments")
    )
    client.report(deployment)
    assert re.search(rf"{deployment} .* installed +2 +2", told(wos, "deployments"))
    await_told(wos, "status", rf"{client.spiffe_id} +admitted +2 +\d+ s ago")
    assert re.search(rf"{client.spiffe_id} +{client.device_id} +\d+ s ago", told(wos, "devices"))
    told(wos, "withdraw", deployment)
    assert client.manifest()["deployments"] == []
    assert re.search(rf"{deployment} .* installed +2 +withdrawn", told(wos, "deployments"))
    client.report(deployment, "removed")
    assert deployment not in told(wos, "deployments")
    told(wos, "retire", client.spiffe_id)
    assert re.search(rf"{client.spiffe_id} +retired", told(wos, "status"))
    told(wos, "admit", client.spiffe_id)


def test_application_that_fits_nowhere_is_refused_with_the_reason(client: Client, tmp_path: Path) -> None:
    """Whoever names the device is advised, because the device decides."""
    (profile,) = APPLICATION["deploymentProfiles"]
    constraints = {"capacityRequirements": {"memory": "1Gi"}}
    application = imported(client, tmp_path, deploymentProfiles=[profile | {"deviceConstraints": constraints}])
    assign = ["assign", client.spiffe_id, application, "--profile", "small"]
    result = run(client.wos, *assign)
    reason = f"{client.device_id} does not fit: it has no memory, 1Gi are needed"
    assert (result.exit_code, reason in result.output) == (1, True), result.output
    assert client.manifest()["deployments"] == []
    ordered = run(client.wos, *assign, "--device", client.device_id)
    assert (ordered.exit_code, ordered.stderr.strip()) == (0, f"advice: {reason}")
    assert len(client.manifest()["deployments"]) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "Not Allowed"}, "/id"),
        ({"deploymentProfiles": APPLICATION["deploymentProfiles"] * 2}, "same id"),  # type: ignore[operator]
        ({"parameters": {"p": {"targets": [{"pointer": "P", "components": ["other"]}]}}}, "no profile has a component"),
    ],
    ids=["schema", "profile-twice", "unknown-component"],
)
def test_description_that_makes_no_sense_is_refused(
    wos: Wos, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    """With the place and the reason."""
    (tmp_path / "margo.yaml").write_text(json.dumps(APPLICATION | changes))
    result = run(wos, "import-application", str(tmp_path / "margo.yaml"))
    assert (result.exit_code, reason in result.output) == (1, True), result.output


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_example_of_the_specification(wos: Wos, path: Path) -> None:
    """The valid ones are imported, each invalid one is refused."""
    result = run(wos, "import-application", str(path))
    assert result.exit_code == (0 if path.parent.name == "valid" else 1), result.output


def test_several_versions_must_be_told_apart(client: Client, tmp_path: Path) -> None:
    """There is no newest one by itself."""
    application = imported(client, tmp_path)
    imported(client, tmp_path, metadata={"name": "Mixer", "version": "2.0.0"})
    assign = ["assign", client.spiffe_id, application, "--profile", "small"]
    assert "name one" in run(client.wos, *assign).output
    assert told(client.wos, *assign, "--version", "2.0.0")


def test_page_shows_the_fleet_and_escapes_what_others_wrote(client: Client) -> None:
    """A browser is asked for the token as a password."""
    hostile = {**APPLICATION, "metadata": {"name": "x", "version": "<script>alert(1)</script>"}}
    deployment = client.assign(application=hostile)
    assert httpx.get(client.wos.control_url).headers["www-authenticate"].startswith("Basic")
    answer = httpx.get(client.wos.control_url, auth=("operator", TOKEN))
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for text in (client.spiffe_id, client.device_id, deployment, "not reported"):
        assert text in answer.text
    assert "<script" not in answer.text


def test_figures_count_requests_and_deployments(client: Client) -> None:
    """In the format of Prometheus."""
    client.manifest()
    text = client.wos.operator.get("/metrics").text
    assert re.search(r'wos_requests_total\{operation="get_manifest",status="200"\} [1-9]', text)
    assert re.search(r"wos_clients [1-9]", text)
    assert "wos_request_seconds_bucket" in text


def test_health_needs_no_token(wos: Wos) -> None:
    """And everything else does."""
    assert httpx.get(f"{wos.control_url}/healthz").json() == {"status": "ok"}
    for path in ("/", "/metrics", "/operator/v1/overview", "/operator/v1/applications/x"):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic !"}):
            assert httpx.get(f"{wos.control_url}{path}", headers=headers).status_code == 401


def test_log_has_a_line_of_json_for_each_request(client: Client) -> None:
    """Who asked what, and how it was answered."""
    client.manifest()
    deadline = time.monotonic() + PATIENCE
    while not (found := [line for line in log_of(client) if line["method"] == "GET"]):
        assert time.monotonic() < deadline
    (line,) = found
    assert (line["path"], line["status"]) == ("/api/v1/deployments", 200)
    assert line["milliseconds"] > 0


def log_of(client: Client) -> list[dict[str, Any]]:
    """The lines about a client."""
    lines = [json.loads(line) for line in (client.wos.folder / "log").read_text().splitlines() if line.endswith("}")]
    return [line for line in lines if line.get("client") == client.spiffe_id]


def test_large_fleet_is_shown_in_parts(own_wos: Wos) -> None:
    """The command shows all of it, the page leads on."""
    names = [f"spiffe://plant.example/margo/wfm/main/client/c{number:04}" for number in range(AT_ONCE + 1)]
    for name in names:
        own_wos.do("admit", spiffeId=name)
    lines = told(own_wos, "status").splitlines()[1:]
    assert [line.split()[0] for line in lines] == names
    first = own_wos.operator.get("/").text
    assert names[-2] in first
    assert names[-1] not in first
    following = own_wos.operator.get("/", params={"after": names[-2]}).text
    assert f"?{urlencode({'after': names[-2]})}" in first
    assert (names[-2] in following, names[-1] in following) == (False, True)
