"""Prometheus and Alertmanager on loopback, with the files that we deploy, and a webhook that hears them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.daemon.process import wait_for
from tests.deploy.queries import DEPLOY, RULES, Json
from tests.loopback import ask

_LISTENING = re.compile(r'msg="Listening on".* address=(\S+)')
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_HASTE = 900


def hastened(rules: str) -> str:
    """The rules for a test that cannot wait: half an hour is two seconds, whether it stands as `30m` or `30 * 60`."""
    rules = re.sub(r"\b(\d+)([mhd])\b", lambda it: f"{max(1, int(it[1]) * _SECONDS[it[2]] // _HASTE)}s", rules)
    return re.sub(r"\* (60|3600)\b", lambda it: f"* {int(it[1])} / {_HASTE}", rules)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    address: str

    def ask(self, query: str) -> list[Json]:
        """The series that a query finds now; a failure names the query that Prometheus refuses."""
        answer = ask("POST", f"http://{self.address}/api/v1/query", data={"query": query}).json()
        assert answer["status"] == "success", f"{query}: {answer['error']}"
        found: list[Json] = answer["data"]["result"]
        return found

    def told(self, query: str) -> list[Json]:
        """The same, as soon as there are any."""
        return wait_for(lambda: self.ask(query) or None, query, patience=30)


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running Alertmanager."""

    address: str

    def silenced(self, name: str) -> Json:
        """The alert of that name, as soon as another one keeps it silent."""

        def look() -> Json | None:
            alerts = ask("GET", f"http://{self.address}/api/v2/alerts").json()
            silent = (alert for alert in alerts if alert["status"]["inhibitedBy"])
            return next((alert for alert in silent if alert["labels"]["alertname"] == name), None)

        return wait_for(look, f"{name} to be inhibited", patience=30)


@dataclass(slots=True)
class Webhook:
    """What an operator's pager would get."""

    url: str = ""
    alerts: list[Json] = field(default_factory=list)

    def received(self, name: str) -> Json:
        """An alert of that name, as soon as there is one."""
        return wait_for(lambda: next((a for a in self.alerts if a["labels"]["alertname"] == name), None), name, 30)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A web server that takes in what Alertmanager sends, in a thread of its own."""
    heard = Webhook()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            heard.alerts.extend(message["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        heard.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, name="webhook")
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def alertmanager(folder: Path, receiver: str) -> Iterator[Alertmanager]:
    """Alertmanager by the file that we deploy; it sends to `receiver`, and at once."""
    config = yaml.safe_load((DEPLOY / "compose/alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    config["receivers"][0]["webhook_configs"] = [{"url": receiver}]
    file = _written(folder / "alertmanager.yml", config)
    storage = f"--storage.path={folder / 'alertmanager'}"
    with _serving(folder, "prometheus-alertmanager", file, storage, "--cluster.listen-address=") as address:
        yield Alertmanager(address)


@contextmanager
def prometheus(folder: Path, target: str, alerts_to: Alertmanager) -> Iterator[Prometheus]:
    """Prometheus by the file that we deploy, in haste: it scrapes `target` each second."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alerts_to.address]}]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / RULES.name).write_text(hastened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    file = _written(folder / "prometheus.yml", config)
    with _serving(folder, "prometheus", file, f"--storage.tsdb.path={folder / 'prometheus'}") as address:
        yield Prometheus(address)


def _written(file: Path, config: Json) -> Path:
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


@contextmanager
def _serving(folder: Path, program: str, config: Path, *arguments: str) -> Iterator[str]:
    """The program on a free port of loopback, while the block lasts; gives its address, which its log names."""
    log = folder / f"{program}.log"
    command = (program, f"--config.file={config}", "--web.listen-address=127.0.0.1:0", *arguments)

    def address() -> str | None:
        assert process.poll() is None, f"{program} ended:\n{log.read_text(encoding='utf-8')}"
        found = _LISTENING.search(log.read_text(encoding="utf-8"))
        return found and found[1]

    with log.open("w", encoding="utf-8") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield wait_for(address, f"{program} to listen", patience=30)
        finally:
            process.kill()
