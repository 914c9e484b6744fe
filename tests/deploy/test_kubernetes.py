"""The Kubernetes manifests: rendered by kubectl, checked against the API's schemas, in step with what they start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cleaner.config.load import load
from cleaner.daemon.keeper import GRACE
from cleaner.model.plan import Mode
from tests.deploy.typed import is_understood

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
KUBECTL = Path(sys.executable).parent / "kubectl"

WITHOUT_A_SCHEMA = {"PrometheusRule", "ServiceMonitor"}
"""Kinds of the Prometheus operator; the API's own schemas do not know them."""

WORKLOADS = {"daemon": "Deployment", "cronjob": "CronJob", "example": "Deployment"}
VARIANTS = [*WORKLOADS, "base"]

Object = Mapping[str, Any]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests as a user has them, with a token beside the example."""
    copy = tmp_path_factory.mktemp("deploy") / "kubernetes"
    shutil.copytree(KUBERNETES, copy)
    (copy / "example/token").write_text("dop_v1_of_this_test")
    return copy


@cache
def rendered(folder: Path) -> tuple[Object, ...]:
    """The objects that kubectl makes of a folder."""
    result = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return tuple(yaml.safe_load_all(result.stdout))


def of_kind(objects: tuple[Object, ...], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def the(objects: tuple[Object, ...], kind: str) -> Object:
    """The only object of a kind."""
    (found,) = of_kind(objects, kind)
    return found


def template(folder: Path) -> Object:
    """The template of the pods of a variant."""
    workload = the(rendered(folder), WORKLOADS[folder.name])
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    found: Object = spec["template"]
    return found


def container(pod: Object) -> Object:
    """The only container of a pod."""
    (found,) = pod["containers"]
    return dict(found)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_of_its_schema(copy: Path, variant: str) -> None:
    """The newest schemas, strictly: no key that the API does not know."""
    for each in rendered(copy / variant):
        if each["kind"] not in WITHOUT_A_SCHEMA:
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_is_in_one_namespace_that_admits_restricted_pods_only(copy: Path, variant: str) -> None:
    """The namespace is among the objects, and each of the others names it."""
    namespace = the(rendered(copy / variant), "Namespace")["metadata"]
    others = [each["metadata"]["namespace"] for each in rendered(copy / variant) if each["kind"] != "Namespace"]
    assert set(others) == {namespace["name"]}
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


RESTRICTED: dict[str, Callable[[Object], bool]] = {
    "no account's token": lambda pod: pod["automountServiceAccountToken"] is False,
    "nothing of the host": lambda pod: not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.keys(),
    "not root": lambda pod: pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0,
    "the runtime's filter of system calls": lambda pod: (
        pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    ),
    "no volume but harmless ones": lambda pod: all(
        each.keys() & {"configMap", "secret", "persistentVolumeClaim", "emptyDir"} for each in pod["volumes"]
    ),
    "no more rights than at the start": lambda pod: (
        container(pod)["securityContext"]["allowPrivilegeEscalation"] is False
    ),
    "no capability": lambda pod: container(pod)["securityContext"]["capabilities"] == {"drop": ["ALL"]},
    "a root that cannot be written": lambda pod: container(pod)["securityContext"]["readOnlyRootFilesystem"] is True,
    "no port of the host": lambda pod: all("hostPort" not in port for port in container(pod).get("ports", [])),
    "a bound on memory": lambda pod: "memory" in container(pod)["resources"]["limits"],
}


@pytest.mark.parametrize("rule", RESTRICTED)
@pytest.mark.parametrize("variant", WORKLOADS)
def test_pods_are_restricted(copy: Path, variant: str, rule: str) -> None:
    """What the profile `restricted` of the pod security standards asks, and what a careful operator asks besides."""
    assert RESTRICTED[rule](template(copy / variant)["spec"])


def test_the_variants_pods_differ_in_what_they_run_only(copy: Path) -> None:
    """The same image, volumes and security, so that one variant can take over from the other."""
    daemon, job = (template(copy / variant)["spec"] for variant in ("daemon", "cronjob"))
    of_servers = {"args", "ports", "startupProbe", "livenessProbe", "readinessProbe"}
    alike = [{key: of for key, of in container(pod).items() if key not in of_servers} for pod in (daemon, job)]
    assert alike[0] == alike[1]
    rest = {"containers", "restartPolicy"}
    assert {k: v for k, v in daemon.items() if k not in rest} == {k: v for k, v in job.items() if k not in rest}


@pytest.mark.parametrize("variant", WORKLOADS)
def test_the_ledger_lies_on_the_claim(copy: Path, variant: str, tmp_path: Path) -> None:
    """The folder of `state` is where the claim is mounted, writable by the pod's group."""
    pod = template(copy / variant)["spec"]
    claim = the(rendered(copy / variant), "PersistentVolumeClaim")["metadata"]["name"]
    (volume,) = [each["name"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    (mount,) = [each for each in container(pod)["volumeMounts"] if each["name"] == volume]
    assert {"claimName": claim} in [each.get("persistentVolumeClaim") for each in pod["volumes"]]
    assert (
        str(Path(settings_file(copy / variant, tmp_path).state.removeprefix("sqlite:///")).parent) == mount["mountPath"]
    )
    assert not mount.get("readOnly")
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def settings_file(folder: Path, into: Path) -> Any:
    """The configuration in a variant's ConfigMap, loaded."""
    file = into / "config.yaml"
    file.write_text(the(rendered(folder), "ConfigMap")["data"]["config.yaml"], encoding="utf-8")
    return load(file, {})


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_configuration_loads_without_a_warning(copy: Path, variant: str, tmp_path: Path) -> None:
    """Each registry in it has a schedule."""
    settings = settings_file(copy / variant, tmp_path)
    assert settings.warnings == ()
    assert all(registry.schedule for registry in settings.registries)


def test_what_is_applied_as_it_is_deletes_nothing(copy: Path, tmp_path: Path) -> None:
    """The configuration of the base reports only."""
    (registry,) = settings_file(copy / "base", tmp_path).registries
    assert {policy.mode for policy in registry.policies} == {Mode.PLAN}


@pytest.mark.parametrize("variant", WORKLOADS)
def test_the_configuration_and_its_token_are_mounted(copy: Path, variant: str, tmp_path: Path) -> None:
    """The file is at its usual place, the token is a key of the Secret; neither a subPath, which would never change."""
    pod = template(copy / variant)["spec"]
    places = {each["name"]: each["mountPath"] for each in container(pod)["volumeMounts"] if "subPath" not in each}
    sources = {each["name"]: each for each in pod["volumes"]}
    (registry,) = settings_file(copy / variant, tmp_path).registries
    assert sources["config"]["configMap"]["name"] == the(rendered(copy / variant), "ConfigMap")["metadata"]["name"]
    assert places["config"] == "/etc/registry-cleaner"
    assert sources["secrets"]["secret"]["secretName"] == "registry-cleaner"
    assert registry.api.token.source == f"the file {places['secrets']}/token"


def test_another_configuration_is_another_pod(copy: Path, tmp_path: Path) -> None:
    """The ConfigMap's name, and so the pods' template, changes with the file."""
    other = tmp_path / "kubernetes"
    shutil.copytree(copy, other)
    with (other / "base/config.yaml").open("a") as config:
        config.write("grace: 48h\n")
    assert template(other / "daemon") != template(copy / "daemon")


def test_no_secret_is_in_the_project(copy: Path, tmp_path: Path) -> None:
    """The Secret is made of a file of the user's; without that the example does not render, and git is to ignore it."""
    for variant in ("base", "daemon", "cronjob"):
        assert of_kind(rendered(copy / variant), "Secret") == []
    secret = the(rendered(copy / "example"), "Secret")
    assert (secret["metadata"]["name"], set(secret["data"])) == ("registry-cleaner", {"token"})
    assert (KUBERNETES / "example/.gitignore").read_text() == "token\n"
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes", ignore=shutil.ignore_patterns("token"))
    bare = subprocess.run([KUBECTL, "kustomize", tmp_path / "kubernetes/example"], capture_output=True, check=False)
    assert bare.returncode != 0


@pytest.mark.parametrize("variant", WORKLOADS)
def test_the_command_exists(copy: Path, variant: str) -> None:
    """The command line takes the arguments of the container."""
    assert is_understood(container(template(copy / variant)["spec"])["args"])


@pytest.mark.parametrize("variant", ["daemon", "cronjob"])
def test_the_image_is_this_release(copy: Path, variant: str) -> None:
    """Its tag is the package's version."""
    assert container(template(copy / variant)["spec"])["image"] == f"registry-cleaner:{RELEASE}"


def test_one_daemon_at_a_time(copy: Path) -> None:
    """The old one ends, with all the time that it takes, before the new one begins."""
    spec = the(rendered(copy / "daemon"), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > GRACE.total_seconds()


def test_its_health_is_asked(copy: Path) -> None:
    """At the paths that the daemon has, on the port that it listens on."""
    daemon = container(template(copy / "daemon")["spec"])
    probes = {name: probe["httpGet"] for name, probe in daemon.items() if name.endswith("Probe")}
    assert probes["livenessProbe"] == probes["startupProbe"] == {"path": "/-/healthy", "port": "http"}
    assert probes["readinessProbe"] == {"path": "/-/ready", "port": "http"}
    assert daemon["ports"] == [{"name": "http", "containerPort": 9095}]
    assert daemon["args"][-1] == "0.0.0.0:9095"


def test_service_and_monitor_lead_to_the_daemon(copy: Path) -> None:
    """The monitor picks the service, which picks the daemon's pods and not the job's, at the port that is served."""
    objects = rendered(copy / "example")
    service, monitor = the(objects, "Service"), the(objects, "ServiceMonitor")["spec"]
    picks = service["spec"]["selector"].items()
    assert picks <= template(copy / "example")["metadata"]["labels"].items()
    assert not picks <= template(copy / "cronjob")["metadata"]["labels"].items()
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [(port["name"], port["targetPort"]) for port in service["spec"]["ports"]] == [("http", "http")]
    assert [(endpoint["port"], endpoint["path"]) for endpoint in monitor["endpoints"]] == [("http", "/metrics")]


def test_the_operator_has_the_same_alerts_as_prometheus(copy: Path) -> None:
    """The groups of the PrometheusRule are those of the rules file; its head says how to bring it up to date."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/registry-cleaner.rules.yml").read_text(encoding="utf-8"))
    assert the(rendered(copy / "example"), "PrometheusRule")["spec"] == rules


def test_the_network_is_shut_but_for_what_is_needed(copy: Path) -> None:
    """Out: names, and https to the internet. In: the daemon's port, from within the cluster."""
    policies = [each["spec"] for each in of_kind(rendered(copy / "daemon"), "NetworkPolicy")]
    labels = template(copy / "daemon")["metadata"]["labels"]
    assert all(each["podSelector"]["matchLabels"].items() <= labels.items() for each in policies)
    assert {kind for each in policies for kind in each["policyTypes"]} == {"Ingress", "Egress"}
    assert {(p["protocol"], p["port"]) for p in ports(policies, "egress")} == {("UDP", 53), ("TCP", 53), ("TCP", 443)}
    assert list(ports(policies, "ingress")) == [{"protocol": "TCP", "port": 9095}]
    assert [each for each in of_kind(rendered(copy / "cronjob"), "NetworkPolicy") if "ingress" in each["spec"]] == []


def ports(policies: list[Object], direction: str) -> Iterator[Object]:
    """The ports that policies open."""
    for policy in policies:
        for rule in policy.get(direction, []):
            yield from rule["ports"]


def test_a_job_that_waits_for_a_person_is_not_tried_again(copy: Path) -> None:
    """Exit codes 2 and 3 (a wrong file, held back) end it; a drained node does not count; runs never overlap."""
    spec = the(rendered(copy / "cronjob"), "CronJob")["spec"]
    job = spec["jobTemplate"]["spec"]
    first, second = job["podFailurePolicy"]["rules"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (first["action"], first["onExitCodes"]["values"]) == ("FailJob", [2, 3])
    assert (second["action"], second["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert template(copy / "cronjob")["spec"]["restartPolicy"] == "Never"
    assert job["activeDeadlineSeconds"] < 24 * 3600


def test_the_example_names_this_release() -> None:
    """What it says to write in a repository of one's own leads to this version."""
    text = (KUBERNETES / "example/kustomization.yaml").read_text(encoding="utf-8")
    assert re.findall(r"\?ref=v([\d.]+)", text) == [RELEASE]
