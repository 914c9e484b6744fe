"""The workflow that shows a plan on a pull request: least privilege, steps that run, and names that stay text."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.cli.scene import TOKEN, Scene, scene, shop_policy, shop_registry
from tests.deploy.typed import is_understood

ROOT = Path(__file__).parents[2]
RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
WORKFLOW = ROOT / "deploy/github-actions/plan.yml"
RENDERER = ROOT / "deploy/github-actions/plan_as_markdown.py"

# With nothing but strings, as GitHub reads it: to YAML 1.1 the key `on` is true.
LOADED: dict[str, Any] = yaml.load(WORKFLOW.read_text(encoding="utf-8"), yaml.BaseLoader)
JOBS: dict[str, Any] = LOADED["jobs"]
STEPS: list[dict[str, Any]] = [step for job in JOBS.values() for step in job["steps"]]
SCRIPTS: dict[str, str] = {step["name"]: step["run"] for step in STEPS if "run" in step}

HOSTILE = "<script>alert(1)</script>|`x` **b** [a](https://example.org) @everyone #1 &amp; \n::error::\u202e\x1b[31m"


def test_it_runs_on_pull_requests_that_change_the_policy() -> None:
    """Never as `pull_request_target`, which would hand secrets to code from anywhere; and on nothing but that."""
    assert LOADED["on"].keys() == {"pull_request"}
    assert "config.yaml" in LOADED["on"]["pull_request"]["paths"]


def test_forks_are_passed_over() -> None:
    """They get no secret, and a run without one would only fail."""
    assert "github.event.pull_request.head.repo.full_name == github.repository" in JOBS["plan"]["if"]


def test_each_job_may_do_one_thing() -> None:
    """The one reads the repository, the other writes to the pull request."""
    assert LOADED["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in JOBS.items()}
    assert permissions == {"plan": {"contents": "read"}, "comment": {"pull-requests": "write"}}


def test_one_step_alone_sees_the_token() -> None:
    """The one that asks the registry."""
    assert [step["name"] for step in STEPS if "secrets." in json.dumps(step)] == ["Plan"]
    assert "secrets." not in json.dumps([{**job, "steps": []} for job in JOBS.values()])


def test_checkouts_leave_no_credentials_behind() -> None:
    """What runs afterwards could read them."""
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 2
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_what_is_used_is_named_by_version() -> None:
    """Actions by their tag or commit, this project by the release that the workflow comes with."""
    uses = [step["uses"] for step in STEPS if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", each) for each in uses)
    assert [step["with"]["ref"] for step in STEPS if "ref" in step.get("with", {})] == [f"v{RELEASE}"]


def test_every_wait_has_an_end() -> None:
    """A job is stopped, and so is the plan of an earlier push to the same pull request."""
    assert all(int(job["timeout-minutes"]) <= 30 for job in JOBS.values())
    assert LOADED["concurrency"]["cancel-in-progress"] == "true"


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_one(name: str) -> None:
    """Bash can read it, and nothing is pasted into it: what others name comes in variables."""
    result = subprocess.run(["bash", "-n"], input=SCRIPTS[name], text=True, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "${{" not in SCRIPTS[name]


def test_what_a_step_refers_to_exists() -> None:
    """Outputs of steps and jobs by their names."""
    text = WORKFLOW.read_text(encoding="utf-8")
    ids = {step["id"] for step in STEPS if "id" in step}
    assert set(re.findall(r"steps\.(\w+)\.outputs", text)) <= ids
    assert set(re.findall(r"needs\.(\w+)\.outputs\.(\w+)", text)) == {("plan", "markdown")}
    assert JOBS["plan"]["outputs"].keys() == {"markdown"}
    assert JOBS["comment"]["needs"] == "plan"


def test_its_commands_exist() -> None:
    """The command line takes each of them."""
    lines = [line.strip() for script in SCRIPTS.values() for line in script.splitlines()]
    commands = [re.split(r" [>|]", line)[0] for line in lines if line.startswith("cleaner ")]
    assert len(commands) == 2
    assert all(is_understood(shlex.split(command)[1:]) for command in commands)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Scene]:
    """A checkout with a policy, beside it the project, and the registry that the policy speaks of."""
    (tmp_path / ".registry-cleaner").symlink_to(ROOT)
    with scene(tmp_path, shop_registry()) as acme:
        acme.configure(shop_policy())
        yield acme


def run_script(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Carry out the script of a step as a runner does."""
    files = {each: str(folder / each) for each in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPTS[name]],
        cwd=folder,
        env={**os.environ, "PATH": path, "RUNNER_TEMP": str(folder), **files, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def outputs(folder: Path) -> dict[str, str]:
    """The outputs that the steps set so far, one line or many."""
    text = (folder / "GITHUB_OUTPUT").read_text(encoding="utf-8")
    many = re.compile(r"^(\w+)<<(\S+)\n(.*?)^\2\n", re.MULTILINE | re.DOTALL)
    single = dict(re.findall(r"^(\w+)=(.*)$", many.sub("", text), re.MULTILINE))
    return single | {name: value for name, _, value in many.findall(text)}


def test_the_steps_show_the_plan(acme: Scene) -> None:
    """The plan of a registry that answers: checked, planned, rendered into the summary and into the job's output."""
    for name in ("Check", "Plan", "Render"):
        result = run_script(name, acme.folder, DIGITALOCEAN_ACCESS_TOKEN=TOKEN)
        assert result.returncode == 0, result.stderr
    summary = (acme.folder / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert "**8 of 18 manifests would go**, 8 of them under policies in `mode: enforce`" in summary
    assert "| <code>shop/web</code> | enforce | 8 | <code>v0</code>, <code>v1</code> |" in summary
    assert outputs(acme.folder) == {"code": "0", "markdown": summary}
    assert run_script("Result", acme.folder, CODE="0").returncode == 0


def test_a_plan_that_is_held_back_is_shown_with_a_notice(acme: Scene) -> None:
    """Exit code 3: the pull request is not stopped by it."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    for name in ("Plan", "Render"):
        assert run_script(name, acme.folder, DIGITALOCEAN_ACCESS_TOKEN=TOKEN).returncode == 0
    assert "**Held back**" in (acme.folder / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    result = run_script("Result", acme.folder, CODE=outputs(acme.folder)["code"])
    assert (result.returncode, result.stdout[:9]) == (0, "::notice ")


def test_what_is_announced_first_is_shown_as_what_goes(acme: Scene) -> None:
    """Under a notice nothing goes at once, by a plan without a ledger least of all; a reviewer sees what will."""
    acme.configure("notice: 24h\n" + shop_policy())
    for name in ("Plan", "Render"):
        assert run_script(name, acme.folder, DIGITALOCEAN_ACCESS_TOKEN=TOKEN).returncode == 0
    summary = (acme.folder / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert "**8 of 18 manifests would go**, 8 of them once their notice has run out, 8 of them under" in summary
    assert "| <code>shop/web</code> | enforce | 8 | <code>v0</code>, <code>v1</code> |" in summary
    assert "**Held back**" not in summary
    assert outputs(acme.folder)["code"] == "0"


def test_a_registry_that_cannot_be_read_fails_the_job_and_says_why(acme: Scene) -> None:
    """Exit code 1: a wrong token."""
    for name in ("Plan", "Render"):
        assert run_script(name, acme.folder, DIGITALOCEAN_ACCESS_TOKEN="dop_v1_of_another").returncode == 0
    assert "**No plan:**" in (acme.folder / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    result = run_script("Result", acme.folder, CODE=outputs(acme.folder)["code"])
    assert (result.returncode, result.stdout[:8]) == (1, "::error ")


def test_a_policy_that_does_not_load_fails_at_once(acme: Scene) -> None:
    """The check names the line; the registry is not asked."""
    acme.configure("registries: []\n")
    result = run_script("Check", acme.folder)
    assert result.returncode == 2
    assert "config.yaml:" in result.stderr
    assert acme.requests() == []


@pytest.mark.parametrize(
    ("there", "sent"), [("", "--method POST repos/o/r/issues/7/comments"), ("U", "--method PATCH U")]
)
def test_one_comment_is_written_and_then_rewritten(tmp_path: Path, there: str, sent: str) -> None:
    """Where an earlier run's comment is found, it is changed; it is known by the line that the renderer begins with."""
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin/gh"
    stub.write_text(f'#!/bin/sh\necho "$@" >>calls\ncase "$*" in *--paginate*) echo "{there}" ;; esac\n')
    stub.chmod(0o755)
    comments = "repos/o/r/issues/7/comments"
    assert (
        run_script(
            "Write the comment, or rewrite the one that is there", tmp_path, COMMENTS=comments, MARKDOWN="M"
        ).returncode
        == 0
    )
    search, write = (tmp_path / "calls").read_text().splitlines()
    assert markdown([]).splitlines()[0] in search
    assert write == f"api {sent} --raw-field body=M"


def markdown(registries: Sequence[Mapping[str, Any]]) -> str:
    """What the renderer makes of a plan."""
    plan = json.dumps({"registries": registries}).encode()
    return subprocess.run(
        [sys.executable, RENDERER], input=plan, capture_output=True, timeout=60, check=True
    ).stdout.decode()


def planned(name: str, *, repositories: int = 1, text: str = "") -> dict[str, Any]:
    """A plan that deletes one version in each of so many repositories, with this text wherever a text can stand."""
    deletion = {"digest": f"sha256:{'0' * 64}", "tags": [text or "v1"], "mode": "enforce", "reasons": [text or "old"]}
    return {
        "name": name,
        "error": None,
        "manifests": repositories + 1,
        "kept": 1,
        "deletions": [{**deletion, "repository": f"{text}{number}"} for number in range(repositories)],
        "held_back": [{"repository": text, "reason": "share", "detail": text, "manifests": 1}],
        "freed_bytes": 3 * 1024**3,
        "warnings": [text],
        "unmanaged": [{"repository": text, "manifests": 1, "bytes": 1}],
        "announced": [],
    }


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, and what stands in the code ones."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.code: list[str] = []
        self.outside = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs or tag in {"th", "td"}  # where a table aligns its numbers
        self.elements.add(tag)
        self._inside = tag == "code"
        if self._inside:
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code[-1] += data
        else:
            self.outside += data


def seen(text: str) -> Seen:
    """Markdown as a browser shows it."""
    found = Seen()
    found.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return found


def test_a_hostile_name_is_text() -> None:
    """It makes no element, mentions nobody, breaks out of no table; what cannot be seen is shown by its number."""
    harmless, hostile = seen(markdown([planned("acme", text="x")])), seen(markdown([planned("acme", text=HOSTILE)]))
    assert hostile.elements == harmless.elements
    assert hostile.outside == harmless.outside
    shown = HOSTILE.replace("\n", "<U+000A>").replace("\u202e", "<U+202E>").replace("\x1b", "<U+001B>")
    assert any(shown in text for text in hostile.code)


def test_no_line_of_it_is_a_command_of_the_runner() -> None:
    """A runner takes `::error::` at the beginning of a line for an order, and a name could hold one."""
    assert [line for line in markdown([planned("acme", text=HOSTILE)]).splitlines() if line.startswith("::")] == []


def test_it_fits_into_a_comment() -> None:
    """Many registries, many repositories, long names: it is cut, and says so; a shorter one is whole."""
    long = markdown([planned(f"registry-{n}", repositories=60, text="\u00e9" * 1000) for n in range(10)])
    assert len(long.encode()) <= 65_000
    assert "cut here" in long
    assert "… and 460 more repositories" in markdown([planned("acme", repositories=500)])
    assert "cut here" not in markdown([planned("acme", repositories=500)])


def test_sizes_are_readable() -> None:
    """In the unit that fits; what is not known is said."""
    assert "would free 3.0 GiB." in markdown([planned("acme")])
    assert "would free an unknown amount." in markdown([{**planned("acme"), "freed_bytes": None}])
