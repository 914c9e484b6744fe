"""Who is asked what is in use, and for how long that is remembered (policy page, "What keeps besides the rules")."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.config.settings import AppPlatform, ImagesFile, InUseSource, Kubernetes, RegistrySettings
from cleaner.retention.patterns import compile_pattern
from tests.config.files import SMALLEST, problems, settings


def protecting(sources: str) -> str:
    """A file whose sources are on line 2, from column 20."""
    return f"{SMALLEST}\nprotect: {{in_use: [{sources}]}}"


def registry(folder: Path, text: str) -> RegistrySettings:
    """The registry that the text configures."""
    return settings(folder, text).registries[0]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{app_platform: {}}", AppPlatform(deployments=5)),
        ("{app_platform: {deployments: 0}}", AppPlatform(deployments=0)),
        ("{kubernetes: {}}", Kubernetes("cluster", None, None)),
        ("{kubernetes: {cluster: prod}}", Kubernetes("prod", None, None)),
        ("{kubernetes: {kubeconfig: /etc/k.yaml}}", Kubernetes("cluster", Path("/etc/k.yaml"), None)),
        ("{kubernetes: {kubeconfig: /k, context: a@b}}", Kubernetes("a@b", Path("/k"), "a@b")),
        ("{kubernetes: {kubeconfig: /k, context: a@b, cluster: prod}}", Kubernetes("prod", Path("/k"), "a@b")),
        ("{file: /srv/images.txt}", ImagesFile(Path("/srv/images.txt"))),
    ],
)
def test_a_source_is_read_as_written(tmp_path: Path, written: str, read: AppPlatform | Kubernetes | ImagesFile) -> None:
    """Five deployments unless it says its own; a cluster is called as its context is, unless it says its own."""
    assert registry(tmp_path, protecting(written)).in_use == (InUseSource(read),)


def test_paths_start_at_the_configurations_folder(tmp_path: Path) -> None:
    """Wherever the command was started."""
    kubernetes, file = registry(tmp_path, protecting("{kubernetes: {kubeconfig: k/c}}, {file: images.txt}")).in_use
    assert kubernetes.place == Kubernetes("cluster", tmp_path / "k/c", None)
    assert file.place == ImagesFile(tmp_path / "images.txt")


def test_a_source_speaks_for_the_repositories_that_it_names(tmp_path: Path) -> None:
    """Sources keep their order; one that names none speaks for all."""
    sources = protecting('{file: b, repositories: ["shop/*", api]}, {file: a}')
    some, every = registry(tmp_path, sources).in_use
    assert some.repositories == (compile_pattern("shop/*"), compile_pattern("api"))
    assert every.repositories == ()


def test_none_is_no_source(tmp_path: Path) -> None:
    """Whoever says so has been asked; only then may anything enforce."""
    assert registry(tmp_path, f"{SMALLEST}\nprotect: {{in_use: none}}\nmode: enforce").in_use == ()


@pytest.mark.parametrize(
    ("sources", "place", "message"),
    [
        ("{app_platform: {}}, {app_platform: {deployments: 1}}", "2:40", "app_platform stands here twice"),
        ("{kubernetes: {}}, {kubernetes: {kubeconfig: k}}", "2:38", "the cluster 'cluster' stands here twice"),
        (
            "{kubernetes: {kubeconfig: k, context: a}}, {file: b}, {kubernetes: {cluster: a}}",
            "2:74",
            "the cluster 'a' stands here twice",
        ),
        ("{file: images.txt}, {file: ./images.txt}", "2:40", "the file 'images.txt' stands here twice"),
    ],
)
def test_a_source_that_stands_there_twice_is_an_error(tmp_path: Path, sources: str, place: str, message: str) -> None:
    """Reasons and metrics tell sources by their names; a second reading of the same would tell nothing."""
    (found,) = problems(tmp_path, protecting(sources))
    assert found.startswith(f"{place}: {message}, first on line 2 (")


def test_clusters_and_files_of_different_names_are_different(tmp_path: Path) -> None:
    """Several contexts of one kubeconfig, several files."""
    contexts = "{kubernetes: {kubeconfig: k, context: a}}, {kubernetes: {kubeconfig: k, context: b}}"
    assert len(registry(tmp_path, protecting(f"{contexts}, {{file: a}}, {{file: b}}")).in_use) == 4


@pytest.mark.parametrize(("text", "meant"), [("0s", timedelta(0)), ("12w", timedelta(weeks=12))])
def test_what_was_in_use_is_remembered_as_long_as_the_file_says(tmp_path: Path, text: str, meant: timedelta) -> None:
    """Zero is said by name: nothing is remembered."""
    assert registry(tmp_path, f"{SMALLEST}\nprotect: {{remember: {text}}}").remember == meant


def test_an_extra_that_is_not_installed_is_a_warning_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever checks the file should not learn of it from a plan that holds everything back (law 6)."""
    text = f"{protecting('{file: a}, {kubernetes: {}}')}\nnotify: [{{env: URL}}]"
    assert settings(tmp_path, text).warnings == ()
    monkeypatch.setitem(sys.modules, "lightkube", None)
    monkeypatch.setitem(sys.modules, "apprise", None)
    cluster, notify = settings(tmp_path, text).warnings
    assert (cluster.line, cluster.column, notify.line, notify.column) == (2, 31, 3, 9)
    assert cluster.message == (
        "kubernetes needs lightkube, which is not installed: no cluster can be read, and so nothing is deleted"
    )
    assert cluster.hint == "install it: pip install 'registry-cleaner[kubernetes]'"
    assert notify.message == "notify needs apprise, which is not installed: nobody is told"
    assert notify.hint == "install it: pip install 'registry-cleaner[notify]'"


def test_what_the_file_does_not_ask_for_need_not_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extras are extras."""
    monkeypatch.setitem(sys.modules, "lightkube", None)
    monkeypatch.setitem(sys.modules, "apprise", None)
    text = f"{protecting('{file: a}, {app_platform: {}}')}\nnotify: []"
    assert settings(tmp_path, text).warnings == ()
