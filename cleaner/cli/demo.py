"""`cleaner demo`: a made-up registry is cleaned before one's eyes, and everything that was kept is pulled whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress
from rich.text import Text

from cleaner.cli.apply import apply
from cleaner.cli.console import messages, results, say
from cleaner.cli.options import load_settings
from cleaner.cli.plan import plan
from cleaner.cli.proof import Contents, contents, pull_all
from cleaner.cli.pull import Planes, Puller
from cleaner.cli.tables import bar, table
from cleaner.clock import new_id, utc_now
from cleaner.figures import size
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.serve import Options, Origins, serving
from cleaner.wiring import Application, production

REGISTRY = "demo"
TOKEN = "dop_v1_only-good-for-this-demo"  # noqa: S105 (no secret: the simulator behind it is gone with the process)
HELD_BACK = "legacy/report"
_GC_SECONDS = 3

KeepOption = Annotated[bool, typer.Option("--keep", help="Leave the registry and the configuration up until Ctrl-C.")]

CONNECTION = """\
state: "sqlite:///{folder}/state.db"
api:
  token: {{file: "{folder}/token"}}
  url: {control}
  registry_url: {registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
"""
POLICY = r"""mode: enforce
protect: {in_use: none}
registries:
  - name: demo
    garbage_collection: {min_freed: 1MiB}
    policies:
      - repositories: ["shop/*"]
        keep:
          - tags: [main, latest, "v1.?"]                 # tags that move: always
          - {tags: ["v*"], semver: {minors: 3, patches: 2}}
          - {tags: ["sha-*"], last: 24}
        untagged: {within: 14d}
      - repositories: [api]
        keep:
          - tags: [main]
          - {tags: ["sha-*"], last: 30}
          - {tags: ["nightly-*"], calendar: {daily: 14, weekly: 8, monthly: 6}}
        untagged: {within: 14d}
      - repositories: ["preview/*"]                      # pull requests, while somebody works on them
        keep:
          - {tags: ['re:(?P<pr>pr-\d+)(-[0-9a-f]{7})?'], last: 2, within: 90d, per: pr}
      - repositories: ["base/*"]                         # 22-slim moves; 22-slim-20261124 is its past
        keep:
          - {tags: ["*"], except: ['re:.+-\d{8}']}
          - {tags: ['re:(?P<line>.+)-\d{8}'], last: 14, per: line}
      - repositories: ["legacy/*"]                       # more than half would go
        keep:
          - tags: [stable]
        untagged: {within: 90d}
      - repositories: ["tools/*"]                        # only looked at for now
        mode: plan
        keep:
          - {tags: ["2.*"], last: 8}
          - tags: ["2"]
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: the simulator's two planes, the configuration file, and the console it is told on."""

    origins: Origins
    config: Path
    console: Console

    @property
    def planes(self) -> Planes:
        """Where the registry is pulled from."""
        return Planes(self.origins.control, self.origins.registry, REGISTRY, TOKEN)

    def tell(self, text: str) -> None:
        """A sentence for whoever watches."""
        self.console.print(Text(text), soft_wrap=True)

    def command(self, line: str) -> None:
        """The command that a person would type now."""
        self.console.print(Text(f"\n$ {line}", style="bold cyan"), soft_wrap=True)


def demo(keep: KeepOption = False) -> None:
    """Clean a made-up registry before your eyes, and pull everything that was kept."""
    with _stage() as stage:
        code = _play(stage)
        if keep and code == 0:
            _leave_up(stage)
    raise typer.Exit(code)


@contextmanager
def _stage() -> Iterator[Stage]:
    options = Options(
        now=utc_now,
        new_id=new_id,
        collection_duration=timedelta(seconds=_GC_SECONDS),
        behaviour=Behaviour(token=TOKEN),
    )
    with TemporaryDirectory(prefix="cleaner-demo-") as folder, serving(options) as origins:
        config = Path(folder, "config.yaml")
        Path(folder, "token").write_text(TOKEN, encoding="utf-8")
        connection = CONNECTION.format(folder=folder, control=origins.control, registry=origins.registry)
        config.write_text(connection + POLICY, encoding="utf-8")
        yield Stage(origins, config, results())


def _play(stage: Stage) -> int:
    """Plan, apply, prove; the exit code is that of the first that does not go as it should."""
    with httpx.Client() as client:
        before = contents(stage.planes, client)
    stage.console.print(Panel(Text(POLICY), title="the policy", title_align="left", expand=False))
    stage.tell(
        f"A made-up registry now runs on this machine: {len(before.tags)} manifests, {size(before.bytes)}. "
        "First: what would go? Looking changes nothing."
    )
    stage.command(f"cleaner plan -c {stage.config}")
    _exit_code(partial(plan, config=stage.config))
    stage.tell(
        f"\n{HELD_BACK} would lose more than half of its manifests: held back, until a person lets it through, once. "
        "tools/ci stands under mode plan: it is only reported on."
    )
    stage.command(f"cleaner apply -c {stage.config} --yes --allow {HELD_BACK}")
    code = _exit_code(partial(apply, config=stage.config, yes=True, allow=[HELD_BACK]))
    stage.tell("\nDid it keep what it promised? Every tag that was not deleted is now pulled whole, each blob hashed.")
    return _prove(stage, before) or code


def _exit_code(command: Callable[[], None]) -> int:
    try:
        command()
    except typer.Exit as end:
        return end.exit_code
    return 0


def _prove(stage: Stage, before: Contents) -> int:
    """Pull every tag that was not deleted; 1 if one cannot be pulled whole, or if nothing was deleted at all."""
    deleted = _deleted(stage.config)
    kept = before.without(deleted)
    with httpx.Client() as client, Progress(console=messages(), transient=True) as bars:
        after, puller = contents(stage.planes, client), Puller(stage.planes, client)
        failures = pull_all(puller, bars.track(kept, description="pulling"))
    _show_proof(stage.console, before, after)
    for failure in failures:
        say(f"error: {failure}")
    stage.tell(
        f"{len(kept) - len(failures)} of {len(kept)} kept tags pulled whole: {puller.manifests} manifests and "
        f"{puller.blobs} blobs, {size(puller.bytes)}, each one hashed. {len(deleted)} deletions stand in the ledger."
    )
    return 1 if failures or not deleted else 0


def _deleted(config: Path) -> frozenset[tuple[str, str]]:
    """What the ledger says was deleted: repository and digest."""
    with closing(Application.for_planning(load_settings(config), production())) as application:
        rows = application.ledger.history.deletions(limit=10_000)
    return frozenset((row.repository, row.digest) for row in rows if row.outcome == "deleted")


def _show_proof(console: Console, before: Contents, after: Contents) -> None:
    proof = table("", "#Before", "#After", "")
    were, are = len(before.tags), len(after.tags)
    proof.add_row("manifests", str(were), str(are), bar(are, were - are, 0))
    proof.add_row("stored", size(before.bytes), size(after.bytes), bar(after.bytes, before.bytes - after.bytes, 0))
    console.print(proof)


def _leave_up(stage: Stage) -> None:
    """Wait for Ctrl-C, with the registry up."""
    stage.tell(f"\nThe registry stays up at {stage.origins.control} until Ctrl-C. In another terminal, for instance:")
    for line in (
        "history deletions",
        "explain shop/web:latest",
        "explain preview/web",
        "gc history",
        "plan --at 2030-01-01",
    ):
        stage.command(f"cleaner {line} -c {stage.config}")
    with suppress(KeyboardInterrupt):
        Event().wait()
