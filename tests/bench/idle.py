"""What the daemon costs while it does nothing: `make bench`.

Memory, start-up time and the size of the metrics page, each as a ratio to a bare process: one that imports the same
libraries, serves one page and exports the metrics of its own process. The two are measured in turn, pair by pair, so
that a machine whose speed drifts does not tell one of them better than it is.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from cleaner.clock import new_id, utc_now
from cleaner.simulator.serve import Options, Origins, serving

PAIRS = 5
SETTLED_SECONDS = 3.0
PATIENCE_SECONDS = 30.0

BARE = """
import sys
import alembic.command, apscheduler.schedulers.asyncio, httpx, jinja2, msgspec, prometheus_client, pydantic, re2
import rich.console, sqlalchemy, stamina, structlog, typer, uvicorn, yaml
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

async def metrics(_):
    return Response(prometheus_client.generate_latest(prometheus_client.REGISTRY))

async def ready(_):
    return Response("Ready.")

app = Starlette(routes=[Route("/metrics", metrics), Route("/-/ready", ready)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""

CONFIG = """
state: sqlite:///{folder}/state.db
api: {{url: "{origins.control}", registry_url: "{origins.registry}", rate_limit: {{per_minute: 0, per_hour: 0}}}}
registries:
"""

REGISTRY = """
  - name: {name}
    schedule: "30 2 * * *"
    policies: [{{repositories: ["*"], keep: [{{tags: ["v*"], last: 5}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One process: seconds from its start to its first answer, resident bytes when it has settled, bytes of metrics."""

    start_seconds: float
    resident_bytes: int
    metrics_bytes: int


def main() -> None:
    """Measure, and print a row a figure."""
    with tempfile.TemporaryDirectory() as name, serving(Options(utc_now, new_id)) as origins:
        folder = Path(name)
        pairs = [(bare(), daemon(folder, origins, 1)) for _ in range(PAIRS)]
        many = daemon(folder, origins, 10)
    print(f"the daemon, idle, with one registry of a few hundred manifests; {PAIRS} pairs, median\n")  # noqa: T201
    print(f"{'':<22}{'bare':>12}{'daemon':>12}{'ratio':>8}   (smallest … largest)")  # noqa: T201
    show("start-up, seconds", pairs, lambda figures: figures.start_seconds, "{:.2f}")
    show("resident memory, MiB", pairs, lambda figures: figures.resident_bytes / 2**20, "{:.1f}")
    show("metrics page, kB", pairs, lambda figures: figures.metrics_bytes / 1000, "{:.1f}")
    more = (many.metrics_bytes - pairs[-1][1].metrics_bytes) / 9000
    print(f"\neach further registry adds {more:.1f} kB to the metrics page")  # noqa: T201


def show(what: str, pairs: list[tuple[Figures, Figures]], figure: Callable[[Figures], float], form: str) -> None:
    """One row: the medians of both, and the ratios pair by pair."""
    ratios = sorted(figure(ours) / figure(theirs) for theirs, ours in pairs)
    theirs, ours = (median(figure(pair[side]) for pair in pairs) for side in (0, 1))
    row = f"{what:<22}{form.format(theirs):>12}{form.format(ours):>12}{median(ratios):>8.2f}"
    print(f"{row}   ({ratios[0]:.2f} … {ratios[-1]:.2f})")  # noqa: T201


def bare() -> Figures:
    """The bare process."""
    port = free_port()
    with running([sys.executable, "-c", BARE, str(port)]) as process:
        return measured(process, lambda: f"http://127.0.0.1:{port}")


def daemon(folder: Path, origins: Origins, registries: int) -> Figures:
    """`cleaner run`, when it has started and made its forecasts."""
    config, log = folder / "config.yaml", folder / "log"
    names = ["demo", *(f"demo-{number}" for number in range(1, registries))]
    config.write_text(
        CONFIG.format(folder=folder, origins=origins) + "".join(REGISTRY.format(name=name) for name in names)
    )
    command = [str(Path(sys.executable).with_name("cleaner")), "run", "-c", str(config), "--listen", "127.0.0.1:0"]
    with log.open("w") as stderr, running(command, stderr) as process:
        return measured(process, lambda: listening(log))


def listening(log: Path) -> str | None:
    """The address in the daemon's log, as soon as it stands there."""
    lines = [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]
    return next((line["url"] for line in lines if line["event"] == "listening"), None)


def measured(process: subprocess.Popen[bytes], url: Callable[[], str | None]) -> Figures:
    """The figures of a process that was started just now."""
    began = time.perf_counter()
    while (address := url()) is None or not answers(f"{address}/-/ready"):
        if time.perf_counter() - began > PATIENCE_SECONDS or process.poll() is not None:
            raise SystemExit("a process under measurement did not start")
        time.sleep(0.005)
    started = time.perf_counter() - began
    time.sleep(SETTLED_SECONDS)
    page = httpx.get(f"{address}/metrics").content
    return Figures(started, resident_bytes(process.pid), len(page))


def answers(url: str) -> bool:
    """Whether it answers with 200."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def resident_bytes(pid: int) -> int:
    """What the kernel says the process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], stderr: Any = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process, which is ended with the block."""
    env = {**os.environ, "DIGITALOCEAN_ACCESS_TOKEN": "any"}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)


if __name__ == "__main__":
    main()
