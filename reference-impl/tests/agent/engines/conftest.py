"""Devices on which the same scenarios are played: folders, and with WOS_ENGINES real engines.

WOS_ENGINES names the folder that `install.sh` has filled, WOS_RUNTIMES the runtimes to play on;
the engines live in the namespaces that `__main__.py` made.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

REGISTRY = "127.0.0.1:15000"
GUARDED = "127.0.0.1:15001"
ADMITTED = "agent:$2b$04$tYuOsl/RT0RKd7H/qqlR..liaD9Y.Blq38fsI0AkBfg9jMaShzptK"  # open sesame
API = "127.0.0.1:16443"
IMAGE = f"{REGISTRY}/edge/box:1"
PATIENCE = 60.0
ENGINES = os.environ.get("WOS_ENGINES")
RUNTIMES = os.environ.get("WOS_RUNTIMES", "folder").split()
collect_ignore = [] if ENGINES else ["test_certification.py", "test_credentials.py", "test_trace.py"]
LAYER = "application/vnd.org.margo.component.compose.tar+gzip"
EMPTY = b"{}"

COMPOSE = """
services:
  web:
    image: {image}
    init: true
    pull_policy: if_not_present
    command: {command}
    environment: {{SPEED: "${{SPEED:-0}}", VERSION: "{revision}"}}
    env_file: more.env
    healthcheck: {{test: ["CMD", "/bin/busybox", "true"], interval: 1s}}
    volumes: ["data:/data"]
  once:
    image: {image}
    command: ["true"]
    depends_on: {{web: {{condition: {condition}}}}}
volumes: {{data: {{}}}}
"""
CHART = """
apiVersion: v1
kind: ConfigMap
metadata: {{name: "{{{{ .Release.Name }}}}", labels: {{test: "yes"}}}}
data: {{speed: "{{{{ .Values.motor.speed }}}}", version: "{revision}"}}
---
apiVersion: v1
kind: Service
metadata: {{name: "{{{{ .Release.Name }}}}"}}
spec: {{selector: {{app: none}}, ports: [{{port: 80}}]}}
"""
NEVER_READY = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: none}}
  template: {metadata: {labels: {app: none}}, spec: {containers: [{name: box, image: box}]}}
"""
CLUSTER_WIDE = """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: greedy}
rules: []
"""


def run(*command: str, stdin: bytes = b"", **variables: str) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, env=os.environ | variables, timeout=PATIENCE)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout.decode()


def wait_until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
    return value


def tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), 0o4755
            archive.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


class Processes:
    """The engines as child processes; each is stopped by its own id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, ready: Callable[[], bool]) -> None:
        log = self.folder / f"{Path(command[0]).name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder)
        self._running.append(process)

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            return ready()

        wait_until(is_ready)

    def stop(self) -> None:
        for process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(url: str, **options: Any) -> bool:
    try:
        return httpx.get(url, trust_env=False, **options).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("engines"))
    yield processes
    processes.stop()


@pytest.fixture(scope="session")
def registry(processes: Processes) -> str:
    start_registry(processes, REGISTRY)
    return REGISTRY


@pytest.fixture
def guarded_registry(processes: Processes, registry: str) -> str:
    """The same content for whoever shows credentials."""
    (processes.folder / "admitted").write_text(ADMITTED + "\n")
    if not answers(f"http://{GUARDED}/v2/", auth=("agent", "open sesame")):
        start_registry(processes, GUARDED, htpasswd={"realm": "parts", "path": str(processes.folder / "admitted")})
    return GUARDED


def start_registry(processes: Processes, address: str, **auth: Any) -> None:
    folder = processes.folder
    storage = {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}}
    settings = {"version": 0.1, "storage": storage, "http": {"addr": address}} | ({"auth": auth} if auth else {})
    file = folder / f"registry-{address.rpartition(':')[2]}.yml"
    file.write_text(json.dumps(settings))
    known = {"auth": ("agent", "open sesame")} if auth else {}
    processes.start("docker-registry", "serve", str(file), ready=lambda: answers(f"http://{address}/v2/", **known))


@pytest.fixture(scope="session")
def docker_host(processes: Processes, registry: str) -> Iterator[str]:
    """A container engine with one image made from nothing, which stands in the registry and not in the engine."""
    folder = processes.folder
    host = f"unix://{folder}/docker.sock"
    group = f"/wos-{secrets.token_hex(4)}"
    processes.start(
        *("dockerd", "--data-root", str(folder / "docker"), "--exec-root", "/run/docker", "--host", host),
        *("--pidfile", "/run/docker.pid", "--default-ulimit", "nofile=4096:4096", "--cgroup-parent", group),
        *("--default-address-pool", "base=10.128.0.0/9,size=24"),  # Docker's own pools end at 31 networks
        ready=lambda: subprocess.run(["docker", "--host", host, "info"], capture_output=True).returncode == 0,
    )
    content = tar({"bin/busybox": Path("/bin/busybox").read_bytes()})
    entry = '--change=ENTRYPOINT ["/bin/busybox"]'
    run("docker", "import", entry, "-", IMAGE, stdin=content, DOCKER_HOST=host)
    run("docker", "push", "--quiet", IMAGE, DOCKER_HOST=host)
    run("docker", "image", "rm", IMAGE, DOCKER_HOST=host)
    yield host
    for root in Path("/sys/fs/cgroup").glob(f"**{group}"):
        for path in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
            path.rmdir()
        root.rmdir()


@pytest.fixture(scope="session")
def kubeconfig(processes: Processes, registry: str) -> Path:
    """A Kubernetes API without controllers or nodes: it keeps objects, and nothing becomes ready by itself."""
    assert ENGINES
    folder = processes.folder
    run("openssl", "genrsa", "-out", str(folder / "sa.key"), "2048")
    (folder / "tokens.csv").write_text('secret,admin,admin,"system:masters"\n')
    etcd, peer = "http://127.0.0.1:12379", "http://127.0.0.1:12380"
    processes.start(
        *("etcd", "--data-dir", str(folder / "etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        "--unsafe-no-fsync",
        ready=lambda: answers(f"{etcd}/health"),
    )
    processes.start(
        *(f"{ENGINES}/kube-apiserver", "--etcd-servers", etcd, "--bind-address=127.0.0.1", "--secure-port=16443"),
        *("--cert-dir", str(folder / "certs"), "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC"),
        *(
            "--token-auth-file",
            str(folder / "tokens.csv"),
            "--endpoint-reconciler-type=none",
            "--advertise-address=192.0.2.1",
        ),
        *("--service-account-issuer=https://kubernetes.default.svc", "--disable-admission-plugins=ServiceAccount"),
        *("--service-account-signing-key-file", str(folder / "sa.key")),
        *("--service-account-key-file", str(folder / "sa.key")),
        ready=lambda: answers(f"https://{API}/readyz", verify=False, headers={"Authorization": "Bearer secret"}),
    )
    settings = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"https://{API}", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (folder / "kubeconfig").write_text(json.dumps(settings))
    return folder / "kubeconfig"


class FolderDevice:
    """Workloads as files; components need not be published."""

    type = "compose"
    pointer = "motor.speed"
    feature: str | None = None
    registry = REGISTRY
    image = IMAGE

    def __init__(self) -> None:
        self.agent: Any = None
        self.settings: dict[str, Any] = {"runtimes": ["folder"]}

    def attach(self, agent: Any) -> None:
        self.agent = agent

    def repository(self, component: str) -> str:
        return f"oci://{REGISTRY}/parts/{component}"

    def offer(self, component: str, revision: str, *, works: bool = True, image: str = IMAGE) -> None:
        """Publish a revision of a component; one that does not work fails when it is started."""
        for folder in (self.agent.state / "workloads").glob("*-*-*"):
            if works:
                shutil.rmtree(folder / f"{component}.json", ignore_errors=True)
            else:
                (folder / f"{component}.json").unlink()
                (folder / f"{component}.json" / "in-the-way").mkdir(parents=True)

    def offer_greedy(self, component: str, revision: str) -> bool:
        """Publish a revision that reaches beyond its place; whether there is such a thing here."""
        return False

    def runs(self) -> dict[str, tuple[str, str]]:
        """What really runs: component -> revision and speed."""
        files = (self.agent.state / "workloads").glob("*/*.json")
        contents = {file.stem: json.loads(file.read_text()) for file in files if file.is_file()}
        return {name: (c["revision"], str(c["parameters"].get(self.pointer, 0))) for name, c in contents.items()}

    def delete(self, component: str) -> None:
        """What a careless person would do by hand."""
        next((self.agent.state / "workloads").glob(f"*/{component}.json")).unlink()

    def start_foreign(self) -> Callable[[], bool]:
        """Start something that is none of the agent's business; the answer tells whether it is untouched."""
        file = self.agent.state / "workloads" / "of-somebody-else"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
        return file.exists

    def leftovers(self) -> list[str]:
        """What is left of the agent."""
        return list(self.runs())


class ComposeDevice(FolderDevice):
    """A container engine of its own."""

    pointer = "SPEED"
    feature = "compose"

    def __init__(self, host: str, command: str) -> None:
        super().__init__()
        self._host = host
        self.settings = {"runtimes": ["compose"], "docker_host": host, "compose_command": command}

    def attach(self, agent: Any) -> None:
        agent.configure(plain_http_registries=[REGISTRY], **self.settings)
        self.agent = agent

    def offer(self, component: str, revision: str, *, works: bool = True, image: str = IMAGE) -> None:
        command = '["sleep", "1000"]' if works else '["sh", "-c", "exit 7"]'
        condition = "service_healthy" if works else "service_started"
        text = COMPOSE.format(image=image, command=command, revision=revision, condition=condition)
        files = {f"{component}/compose.yaml": text.encode(), f"{component}/more.env": b"MORE=1\n"}
        push_compose(f"parts/{component}", revision, gzip.compress(tar(files)))

    def offer_greedy(self, component: str, revision: str) -> bool:
        text = f"services: {{web: {{image: {IMAGE}, command: [sleep, '1000'], volumes: ['/etc:/host']}}}}"
        push_compose(f"parts/{component}", revision, gzip.compress(tar({f"{component}/compose.yaml": text.encode()})))
        return True

    def runs(self) -> dict[str, tuple[str, str]]:
        found = {}
        for item in self._inspect("status=running"):
            variables = dict(entry.split("=", 1) for entry in item["Config"]["Env"])
            if "VERSION" in variables:
                component = item["Config"]["Labels"]["com.docker.compose.project"].rpartition("-")[2]
                found[component] = (variables["VERSION"], variables["SPEED"])
        return found

    def _inspect(self, condition: str) -> list[dict[str, Any]]:
        ids = self._docker("ps", "-aq", "--filter", condition).split()
        return list(json.loads(self._docker("inspect", *ids))) if ids else []

    def _docker(self, *arguments: str) -> str:
        return run("docker", *arguments, DOCKER_HOST=self._host)

    def delete(self, component: str) -> None:
        for item in self._inspect("status=running"):
            if item["Config"]["Labels"].get("com.docker.compose.project", "").endswith(component):
                self._docker("rm", "-f", item["Id"])

    def start_foreign(self) -> Callable[[], bool]:
        labels = ["--label", "com.docker.compose.project=wos-of-somebody-else", "--label", "wos.owner=somebody"]
        container = self._docker("run", "-d", *labels, IMAGE, "sleep", "1000").strip()
        network = self._docker("network", "create", "of-somebody-else").strip()

        def is_untouched() -> bool:
            networks = self._docker("network", "ls", "-q", "--no-trunc")
            found = json.loads(self._docker("inspect", container))[0]["State"]["Running"] and network in networks
            self._docker("rm", "-f", container)
            self._docker("network", "rm", network)
            return bool(found)

        return is_untouched

    def leftovers(self) -> list[str]:
        mine = ("--filter", "label=com.docker.compose.project", "--format", "json")
        listings = ("ps", "-a"), ("network", "ls"), ("volume", "ls")
        return [line for listing in listings for line in self._docker(*listing, *mine).splitlines()]


class HelmDevice(FolderDevice):
    """A Kubernetes API of its own."""

    type = "helm"
    feature = "helm"

    def __init__(self, kubeconfig: Path, command: str) -> None:
        super().__init__()
        self._kubeconfig = str(kubeconfig)
        self._command = command
        self.settings = {"runtimes": ["helm"], "kubeconfig": self._kubeconfig, "helm_command": command}

    def attach(self, agent: Any) -> None:
        agent.configure(plain_http_registries=[REGISTRY], **self.settings)
        self.agent = agent

    def offer_greedy(self, component: str, revision: str) -> bool:
        self._offer(component, revision, CHART.format(revision=revision) + CLUSTER_WIDE)
        return True

    def offer(self, component: str, revision: str, *, works: bool = True, image: str = IMAGE) -> None:
        self._offer(component, revision, CHART.format(revision=revision) + ("" if works else NEVER_READY))

    def _offer(self, component: str, revision: str, text: str) -> None:
        folder = Path(self.agent.folder) / "charts" / component
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "templates").mkdir(parents=True)
        chart = {"apiVersion": "v2", "name": component, "version": revision}
        (folder / "Chart.yaml").write_text(json.dumps(chart))
        (folder / "values.yaml").write_text("motor: {speed: 0, other: kept}\n")
        (folder / "templates" / "all.yaml").write_text(text)
        run(self._command, "package", str(folder), "--destination", str(folder.parent))
        archive = folder.parent / f"{component}-{revision}.tgz"
        run(self._command, "push", str(archive), f"oci://{REGISTRY}/parts", "--plain-http")

    def runs(self) -> dict[str, tuple[str, str]]:
        items = json.loads(self._kubectl("get", "configmap", "-A", "-l", "test=yes", "-o", "json"))["items"]
        return {
            item["metadata"]["name"].rpartition("-")[0]: (item["data"]["version"], item["data"]["speed"])
            for item in items
            if item["metadata"]["namespace"] != "foreign"
        }

    def _kubectl(self, *arguments: str, stdin: bytes = b"") -> str:
        return run("kubectl", *arguments, stdin=stdin, KUBECONFIG=self._kubeconfig)

    def delete(self, component: str) -> None:
        names = self._kubectl("get", "configmap", "-A", "-l", "test=yes", "-o", "name").split()
        name = next(name for name in names if name.startswith(f"configmap/{component}-"))
        self._kubectl("delete", "--namespace", "mixer", name)

    def start_foreign(self) -> Callable[[], bool]:
        item = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "x", "labels": {"test": "yes"}},
            "data": {},
        }
        item["data"] = {"version": "0", "speed": "0"}
        for namespace in ("foreign", "mixer"):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            self._kubectl("apply", "-f", "-", stdin=json.dumps(body).encode())
        self._kubectl("apply", "-n", "foreign", "-f", "-", stdin=json.dumps(item).encode())
        before = self._kubectl("get", "configmap", "x", "-n", "foreign", "-o", "json")
        return lambda: self._kubectl("get", "configmap", "x", "-n", "foreign", "-o", "json") == before

    def leftovers(self) -> list[str]:
        secrets = self._kubectl("get", "secret", "-A", "-o", "name").split()
        return [*self.runs(), *(secret for secret in secrets if "helm" in secret)]


def push_compose(name: str, tag: str, layer: bytes) -> None:
    """Put a Compose component into the registry."""
    for body in (layer, EMPTY):
        push_blob(name, body)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.org.margo.component.compose+json",
        "config": descriptor("application/vnd.oci.empty.v1+json", EMPTY) | {"data": base64.b64encode(EMPTY).decode()},
        "layers": [descriptor(LAYER, layer)],
    }
    url = f"http://{REGISTRY}/v2/{name}/manifests/{tag}"
    httpx.put(url, json=manifest, headers={"Content-Type": manifest["mediaType"]}).raise_for_status()


def push_blob(name: str, body: bytes) -> None:
    place = httpx.post(f"http://{REGISTRY}/v2/{name}/blobs/uploads/").raise_for_status().headers["Location"]
    httpx.put(httpx.URL(place).copy_merge_params({"digest": digest(body)}), content=body).raise_for_status()


def descriptor(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(body), "size": len(body)}


@pytest.fixture(params=RUNTIMES)
def device(request: pytest.FixtureRequest, agent: Any) -> FolderDevice:
    """The device of the agent, clean and known to it."""
    device = device_on(request.param, request)
    device.attach(agent)
    return device


@pytest.fixture(params=[name for name in RUNTIMES if name in ("compose", "helm")])
def engine(request: pytest.FixtureRequest) -> FolderDevice:
    """A device with a real engine, which belongs to no agent yet."""
    return device_on(request.param, request)


def device_on(runtime: str, request: pytest.FixtureRequest) -> FolderDevice:
    if runtime == "compose":
        command = os.environ.get("WOS_COMPOSE", "docker-compose")
        return ComposeDevice(request.getfixturevalue("docker_host"), command)
    if runtime.startswith("helm"):
        return HelmDevice(request.getfixturevalue("kubeconfig"), f"{ENGINES}/{runtime}")
    return FolderDevice()
