"""Kubernetes as an in-use source: real kubeconfigs, real sockets, certificates and credential plugins."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.cluster_client import connected
from cleaner.in_use.kubernetes import read
from cleaner.in_use.references import Home
from tests.in_use import kube_objects as kube
from tests.in_use.kube_api import PATHS, Cluster, kubeconfig, served
from tests.real.parts import skip_module_without

HOME = Home("acme", ("registry.digitalocean.com",))
TOKEN = "a-very-secret-token"

# The library writes a kubeconfig's certificates to files that it leaves to the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """They are closed here, not in the middle of somebody else's test."""
    yield
    gc.collect()


@pytest.fixture
def cluster() -> Cluster:
    """One pod, and a token that opens."""
    return Cluster({"pods": [kube.pod("web", kube.spec("registry.digitalocean.com/acme/web:1"))]}, token=TOKEN)


@pytest.fixture
def server(cluster: Cluster) -> Iterator[str]:
    """The cluster's address."""
    with served(cluster) as address:
        yield address


def tags(file: Path | None, context: str | None = None) -> list[str | None]:
    """The tags in use."""
    return [use.tag for use in asyncio.run(read(Kubernetes("prod", file, context), HOME, None))]


def refused(file: Path | None, context: str | None = None) -> str:
    """The words in which the source says that it cannot be read; no secret is among them."""
    with pytest.raises(SourceUnreadable) as caught:
        tags(file, context)
    assert "kubernetes prod cannot be read" in caught.value.message
    assert caught.value.next_step
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_the_current_context_is_read(server: str, tmp_path: Path) -> None:
    """With the token of its user."""
    assert tags(kubeconfig(tmp_path / "kube.yaml", server, {"token": TOKEN})) == ["1"]


def test_a_context_can_be_named(server: str, tmp_path: Path) -> None:
    """It replaces the current one; where nobody listens, the words say so."""
    file = kubeconfig(tmp_path / "kube.yaml", server, {"token": TOKEN})
    assert tags(file, "here") == ["1"]
    assert "listing pods: no connection" in refused(file, "nowhere")


def test_a_context_that_is_missing_is_named(server: str, tmp_path: Path) -> None:
    """Before any request."""
    assert "'staging'" in refused(kubeconfig(tmp_path / "kube.yaml", server, {"token": TOKEN}), "staging")


def test_a_token_may_lie_in_a_file(server: str, tmp_path: Path) -> None:
    """It is read at each look, for whoever makes it renews it; without the file the words name it."""
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    file = kubeconfig(tmp_path / "kube.yaml", server, {"tokenFile": str(token)})
    assert tags(file) == ["1"]
    token.unlink()
    assert f"Token file {token} not found" in refused(file)


@pytest.mark.parametrize(
    ("token", "words"),
    [("another-secret", "HTTP 401"), ("secret\nsecret", "LocalProtocolError"), ("sécret", "HTTP 401")],
)
def test_a_token_that_does_not_open_is_not_shown(server: str, tmp_path: Path, token: str, words: str) -> None:
    """Not even where it could not be sent."""
    assert words in refused(kubeconfig(tmp_path / "kube.yaml", server, {"token": token}))


def plugin(code: str, version: str = "v1beta1") -> Mapping[str, object]:
    """A user whose token a program prints."""
    api = f"client.authentication.k8s.io/{version}"
    env = [{"name": "TOKEN", "value": TOKEN}]
    return {"exec": {"apiVersion": api, "command": sys.executable, "args": ["-c", code], "env": env}}


PRINTS_A_TOKEN = "import json, os; print(json.dumps({'status': {'token': os.environ['TOKEN']}}))"


def test_a_credential_plugin_gives_the_token(server: str, tmp_path: Path) -> None:
    """As the kubeconfigs of the cloud providers have it."""
    assert tags(kubeconfig(tmp_path / "kube.yaml", server, plugin(PRINTS_A_TOKEN))) == ["1"]


@pytest.mark.parametrize(
    "user",
    [
        plugin("import sys; sys.exit('the secret is wrong')"),
        plugin("print('secret')"),
        plugin("print('{}')"),
        plugin("print('[]')"),
        plugin(PRINTS_A_TOKEN, "v9"),
        {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "no-such-plugin"}},
    ],
    ids=["fails", "prints no JSON", "prints no token", "prints a list", "speaks another version", "is not installed"],
)
def test_a_plugin_without_a_token_is_named(server: str, tmp_path: Path, user: Mapping[str, object]) -> None:
    """By its command alone: what it prints may be anything."""
    assert "the credential plugin" in refused(kubeconfig(tmp_path / "kube.yaml", server, user))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- secret",
        "users: [{name: cleaner, user: {token: secret",
        "clusters: []",
        "{clusters: [], contexts: []}",
        "{clusters: [], contexts: [], current-context: here}",
        "{clusters: [], contexts: [{name: here, context: {cluster: gone}}], current-context: here}",
        "{clusters: [{name: a, cluster: {server: 7}}], contexts: []}",
        "{clusters: [{name: a, cluster: {}}], contexts: [{name: here, context: {cluster: a}}], current-context: here}",
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    """Whatever is wrong with it, the words name the file and quote nothing of it."""
    file = tmp_path / "kube.yaml"
    file.write_text(text)
    assert str(file) in refused(file)


def test_a_kubeconfig_that_is_missing_is_named(tmp_path: Path) -> None:
    """It is read at each look."""
    assert "not found" in refused(tmp_path / "kube.yaml")


def test_a_certificate_that_is_none_is_an_error(tmp_path: Path) -> None:
    """The cluster is not asked without it."""
    cluster = {"certificate-authority-data": base64.b64encode(b"secret").decode()}
    refused(kubeconfig(tmp_path / "kube.yaml", "https://127.0.0.1:9", {"token": TOKEN}, cluster))


def test_a_port_that_is_shut_says_nothing(tmp_path: Path) -> None:
    """Nobody listens there."""
    assert "no connection" in refused(kubeconfig(tmp_path / "kube.yaml", "http://127.0.0.1:9", {"token": TOKEN}))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that vouches for itself, its key in the same file."""
    skip_module_without("openssl")
    file = tmp_path_factory.mktemp("tls") / "ca.crt"
    subject = ["-subj", "/CN=kube", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "1"]
    command = ["openssl", "req", *kind, *subject, "-out", str(file), "-keyout", str(file.with_suffix(".key"))]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.fixture
def secure(cluster: Cluster, certificate: Path) -> Iterator[str]:
    """The cluster's address, https."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with served(cluster, tls) as address:
        yield address


def test_the_kubeconfigs_authority_vouches_for_the_cluster(secure: str, certificate: Path, tmp_path: Path) -> None:
    """A server that it does not vouch for is not asked."""
    data = {"certificate-authority-data": base64.b64encode(certificate.read_bytes()).decode()}
    assert tags(kubeconfig(tmp_path / "kube.yaml", secure, {"token": TOKEN}, data)) == ["1"]
    assert "no connection" in refused(kubeconfig(tmp_path / "other.yaml", secure, {"token": TOKEN}))


@pytest.fixture
def account(certificate: Path, tmp_path: Path) -> Path:
    """What the kubelet lays into a pod: token, namespace, and the cluster's authority."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text("ops")
    shutil.copy(certificate, tmp_path / "ca.crt")
    return tmp_path


def test_a_pod_is_let_in_by_its_account(secure: str, account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a kubeconfig: the token and the authority of the pod, the address from its environment."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", secure.rpartition(":")[2])

    async def listed() -> int:
        client, _ = connected(Kubernetes("prod", None, None), None, str(account))
        async with client:
            return len((await client.get(PATHS["pods"])).raise_for_status().json()["items"])

    assert asyncio.run(listed()) == 1


@pytest.mark.parametrize("missing", ["token", "namespace", "ca.crt", "KUBERNETES_SERVICE_HOST", "all"])
def test_outside_of_a_cluster_there_is_no_account(account: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """The words say what a pod needs, and what to name instead."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv(missing, raising=False)
    (account / missing).unlink(missing_ok=True)
    folder = account / "gone" if missing == "all" else account
    with pytest.raises(SourceUnreadable, match="no service account") as caught:
        connected(Kubernetes("prod", None, None), None, str(folder))
    assert "automountServiceAccountToken: true" in caught.value.next_step
    assert "kubeconfig" in caught.value.next_step


async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise a long answer, send half of it, and hang up."""
    body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": []})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body) * 2}\r\n\r\n"
    writer.write(f"{head}{body}".encode())
    writer.close()
    await writer.wait_closed()


def test_an_answer_that_is_cut_off_says_nothing(tmp_path: Path) -> None:
    """Even where what came would do for a list."""

    async def look() -> None:
        async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            file = kubeconfig(tmp_path / "kube.yaml", f"http://127.0.0.1:{port}", {"token": TOKEN})
            await read(Kubernetes("prod", file, None), HOME, None)

    with pytest.raises(SourceUnreadable, match="listing pods: the connection broke"):
        asyncio.run(look())


def test_proxies_of_the_environment_are_passed_by(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubeconfig alone says where the cluster is; the token goes nowhere else."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert tags(kubeconfig(tmp_path / "kube.yaml", server, {"token": TOKEN})) == ["1"]


def test_a_kubeconfig_of_these_tests_is_one(tmp_path: Path) -> None:
    """`kubectl` reads it as lightkube does."""
    file = kubeconfig(tmp_path / "kube.yaml", "http://127.0.0.1:9", {"token": TOKEN})
    kubectl = Path(sys.executable).parent / "kubectl"
    command = [str(kubectl), "--kubeconfig", str(file), "config", "view", "--output", "yaml", "--raw"]
    shown = yaml.safe_load(subprocess.run(command, check=True, capture_output=True).stdout)
    assert shown["users"] == [{"name": "cleaner", "user": {"token": TOKEN}}]
