"""The systemd unit: nothing in it that systemd does not know, hardened, and in step with the daemon that it starts."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from cleaner.config.load import load
from cleaner.config.units import parse_duration
from cleaner.daemon.keeper import GRACE
from tests.real.parts import skip_module_without
