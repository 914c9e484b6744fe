"""The component that lets the cleaner see what runs in Kubernetes: rendered by kubectl, checked by the schemas."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cleaner.config.settings import Kubernetes
from cleaner.in_use.kubernetes import read
from cleaner.in_use.references import Home
from tests.in_use.kube_api import GROUPS, PATHS, Cluster, kubeconfig

DEPLOY = Path(__file__).parents[2] / "deploy/kubernetes"
KUBECTL = Path(sys.executable).parent / "kubectl"
VARIANTS = {"daemon": "Deployment", "cronjob": "CronJob"}

Rendered = dict[str, list[dict[str, Any]]]


def rendered(variant: str, folder: Path) -> Rendered:
    """What a user's overlay of a variant and the component becomes, by kind."""
    shutil.copytree(DEPLOY, folder, dirs_exist_ok=True)
    overlay = {"resources": [f"../{variant}"], "components": ["../components/in-use"]}
    (folder / "mine").mkdir()
    (folder / "mine/kustomization.yaml").write_text(yaml.safe_dump(overlay))
    command = [str(KUBECTL), "kustomize", str(folder / "mine")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    objects = sorted(yaml.safe_load_all(result.stdout), key=lambda each: str(each["kind"]))
    return {kind: list(of_kind) for kind, of_kind in itertools.groupby(objects, key=lambda each: each["kind"])}


@pytest.fixture(scope="module", params=VARIANTS)
def objects(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The objects of each variant with the component."""
    return rendered(request.param, tmp_path_factory.mktemp("deploy"))


def test_every_object_is_of_its_schema(objects: Rendered) -> None:
    """The newest schemas, strictly."""
    for each in itertools.chain.from_iterable(objects.values()):
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_the_role_allows_what_is_read_and_nothing_else(objects: Rendered, tmp_path: Path) -> None:
    """Each list that a look asks for, and no other resource; nothing can be changed."""
    cluster = Cluster()
    file = kubeconfig(tmp_path / "kube.yaml", "http://127.0.0.1:9", {})
    asyncio.run(read(Kubernetes("here", file, None), Home("acme", ()), cluster.transport()))
    plurals = {path: plural for plural, path in PATHS.items()}
    asked = {(GROUPS[plurals[path]], plurals[path]) for path, _ in cluster.seen}
    (role,) = objects["ClusterRole"]
    allowed = [(group, each) for rule in role["rules"] for group in rule["apiGroups"] for each in rule["resources"]]
    assert sorted(allowed) == sorted(asked)
    assert all(rule["verbs"] == ["get", "list"] for rule in role["rules"])


def test_the_role_is_bound_to_the_account_of_the_pods(objects: Rendered) -> None:
    """Over all namespaces, and to this account alone."""
    (role,), (account,), (binding,) = (
        objects[kind] for kind in ("ClusterRole", "ServiceAccount", "ClusterRoleBinding")
    )
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role["metadata"]["name"],
    }
    names = {key: account["metadata"][key] for key in ("name", "namespace")}
    assert binding["subjects"] == [{"kind": "ServiceAccount", **names}]


def pod_template(objects: Rendered) -> dict[str, Any]:
    """The template of the variant's pods."""
    ((workload,),) = (objects[kind] for kind in VARIANTS.values() if kind in objects)
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    template: dict[str, Any] = spec["template"]
    return template


def test_the_pods_have_the_accounts_token(objects: Rendered) -> None:
    """Without the component they have none."""
    template = pod_template(objects)
    assert template["spec"]["automountServiceAccountToken"] is True
    assert template["spec"]["serviceAccountName"] == objects["ServiceAccount"][0]["metadata"]["name"]


def test_the_pods_reach_the_api_server(objects: Rendered) -> None:
    """A policy of the same namespace opens its usual ports to them."""
    (policy,) = [each for each in objects["NetworkPolicy"] if each["metadata"]["name"].endswith("in-use")]
    labels = pod_template(objects)["metadata"]["labels"]
    assert policy["metadata"]["namespace"] == objects["Namespace"][0]["metadata"]["name"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]] == [443, 6443]
