"""Which hosts are this machine: where a secret may go in the open, and from where a page may be asked (law 11)."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets or port, is an address of loopback or `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
