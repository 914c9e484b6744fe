"""`cleaner demo`: it plans, cleans, and pulls everything that was kept; a pull that fails is a failure."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx

from cleaner.cli.proof import contents, pull_all
from cleaner.cli.pull import Planes, Puller
from cleaner.clock import new_id, utc_now
from cleaner.simulator.serve import Options, serving


def test_the_demo_proves_what_it_promises(tmp_path: Path) -> None:
    """Every kept tag is pulled whole; left up, the registry answers the named commands, and Ctrl-C ends it with 0."""
    cleaner = [sys.executable, "-c", "from cleaner.cli.main import main; main()"]
    with subprocess.Popen([*cleaner, "demo", "--keep"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        shown = ""
        while "$ cleaner plan --at" not in shown:
            line = demo.stdout.readline()
            assert line, shown
            shown += line
        named = re.search(r"\$ (cleaner explain shop/web:latest .+)", shown)
        assert named is not None
        explained = subprocess.run([*cleaner, *named[1].split()[1:]], capture_output=True, text=True, check=False)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == 0
    proof = re.search(r"(\d+) of (\d+) kept tags pulled whole", shown)
    assert proof is not None
    assert int(proof[1]) == int(proof[2]) > 100
    assert "$ cleaner apply" in shown
    assert "\x1b" not in shown
    assert "kept: " in explained.stdout


def test_a_pull_that_lacks_a_child_fails() -> None:
    """The proof is one: an index one of whose children is gone, or a tag that moved, is no success."""
    options = Options(utc_now, new_id, collection_duration=timedelta(0))
    with serving(options) as origins, httpx.Client() as client:
        planes = Planes(origins.control, origins.registry, "demo", "any")
        before = contents(planes, client)
        kept = {tagged.tag: tagged for tagged in before.without(frozenset()) if tagged.repository == "shop/web"}
        whole, broken = kept["v1.0.0"], kept["v1.0.1"]
        puller = Puller(planes, client)
        assert pull_all(puller, [whole]) == []
        assert min(puller.manifests, puller.blobs) > 1
        assert len(pull_all(Puller(planes, client), [replace(whole, digest=broken.digest)])) == 1
        child = _a_child(client, planes, broken.digest)
        url = f"{origins.control}/v2/registries/demo/repositories/shop%2Fweb/digests/{child}"
        client.delete(url, headers={"Authorization": "Bearer any"}).raise_for_status()
        (failure,) = pull_all(puller, [broken])
        assert child in failure


def _a_child(client: httpx.Client, planes: Planes, index: str) -> str:
    (state,) = client.get(f"{planes.control}/_simulator/state").json()["registries"]
    entries = [entry for repository in state["repositories"] for entry in repository["manifests"]]
    body = next(entry["body"] for entry in entries if entry["digest"] == index)
    return str(json.loads(body)["manifests"][0]["digest"])
