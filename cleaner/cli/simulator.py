"""`cleaner simulator`: a registry in a process, to try things on."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cleaner.cli.options import parse_address
from cleaner.clock import new_id, utc_now
from cleaner.errors import UsageError
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.loading import LoadError
from cleaner.simulator.serve import Address, CannotListen, Options, serve

_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def simulator(  # noqa: PLR0913, PLR0917 (one parameter for each flag of the contract)
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Control plane; port 0: any.")] = "127.0.0.1:0",
    registry_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Data plane.", show_default="same host, a free port")
    ] = None,
    load: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Contents as JSON.", show_default="a demo registry")
    ] = None,
    token: Annotated[str | None, typer.Option(help="The only API token let in.", show_default="any")] = None,
    latency: Annotated[str, typer.Option(metavar="DURATION", help="Added to every answer.")] = "0s",
    per_minute: Annotated[int, typer.Option(min=0, help="Requests per minute and token; 0: unlimited.")] = 0,
    per_hour: Annotated[int, typer.Option(min=0, help="Requests per hour and token; 0: unlimited.")] = 0,
    gc_duration: Annotated[str, typer.Option(metavar="DURATION", help="How long a garbage collection takes.")] = "5s",
) -> None:
    """Serve a simulated DigitalOcean Container Registry: its API and its data plane, until interrupted."""
    data_plane = None if registry_listen is None else parse_address("--registry-listen", registry_listen)
    options = Options(
        now=utc_now,
        new_id=new_id,
        listen=Address(*parse_address("--listen", listen)),
        registry_listen=data_plane and Address(*data_plane),
        load=load,
        collection_duration=parse_duration("--gc-duration", gc_duration),
        behaviour=Behaviour(token, per_minute, per_hour, parse_duration("--latency", latency)),
    )
    try:
        serve(options, announce=typer.echo)
    except (LoadError, CannotListen) as error:
        raise UsageError(str(error)) from error


def parse_duration(flag: str, text: str) -> timedelta:
    """The duration that a flag gives, in milliseconds to days.

    Raises:
        UsageError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{flag} {text}: expected a duration", "For instance 30ms, 5s or 2m")
    return int(match[1]) * _UNITS[match[2]]
