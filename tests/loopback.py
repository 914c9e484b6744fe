"""What serves on loopback encrypts nothing: to load those who could vouch for it would take longer than its answers."""

from __future__ import annotations

import os
from functools import partial

import httpx

NO_AUTHORITIES = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": os.devnull}
"""The environment of a process that asks nothing else."""

ask = partial(httpx.request, verify=False)
"""What is answered to a request: its method, its URL, and whatever else httpx takes."""
