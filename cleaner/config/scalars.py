"""The kinds of scalars that keys take: how each is read, what it is called in messages, its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Annotated, TypeAlias
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from cleaner.config.cron import parse_cron
from cleaner.config.hosts import is_loopback
from cleaner.config.settings import CollectionSchedule
from cleaner.config.tree import AsWritten, printable
from cleaner.config.units import (
    NotAsExpected,
    duration_text,
    parse_duration,
    parse_share,
    parse_size,
    share_text,
    size_text,
)
from cleaner.model.manifest import parse_digest
from cleaner.retention.patterns import BadPattern, compile_pattern

PATTERN_LENGTH = 1000
LABEL_LENGTH = 253
_COLLECTION_WORDS = sorted(word.value for word in CollectionSchedule if word is not CollectionSchedule.CRON)

_SECRET = re.compile(r"do[a-z]_v1_.*|[A-Za-z][A-Za-z0-9+.-]*://.*")


def _string(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise NotAsExpected(expected)
    return value


def _name(value: object, expected: str) -> str:
    """A string that people leave unquoted where YAML makes something else of it."""
    if isinstance(value, int | AsWritten) and str(value):
        raise NotAsExpected(expected, f'quote it: "{printable(str(value))}"')
    return _string(value, expected)


def _matching(pattern: str, expected: str) -> Callable[[object], str]:
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        text = _name(value, expected)
        if not compiled.fullmatch(text):
            raise NotAsExpected(expected)
        return text

    return parse


def _at_least(least: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not isinstance(value, int) or value < least:
            raise NotAsExpected(f"a whole number, at least {least}")
        return value

    return parse


def _positive_duration(value: object) -> timedelta:
    duration = parse_duration(value)
    if not duration:
        raise NotAsExpected("a duration above zero")
    return duration


def _share_below_all(value: object) -> Fraction:
    share = parse_share(value)
    if share == 1:
        raise NotAsExpected("a share below 100%", "with all of it reserved, no request could be sent")
    return share


def parse_pattern(value: object) -> str:
    """The text of a pattern that can be compiled.

    Raises:
        NotAsExpected: it is no string, empty, too long, or no pattern.
    """
    text = _name(value, "a pattern as a string")
    if len(text) > PATTERN_LENGTH:
        raise NotAsExpected(f"a pattern of at most {PATTERN_LENGTH:,} characters")
    try:
        compile_pattern(text)
    except BadPattern as error:
        expected = "a pattern: a glob, or re: and a regular expression of RE2"
        raise NotAsExpected(expected, printable(str(error))) from error
    return text


def _digest(value: object) -> str:
    expected = "a digest: sha256: and 64 lower-case hexadecimal digits"
    text = _string(value, expected)
    if parse_digest(text) is None:
        raise NotAsExpected(expected)
    return text


def _label(value: object) -> str:
    expected = f"a name of at most {LABEL_LENGTH} printable characters"
    text = _name(value, expected)
    if not 0 < len(text) <= LABEL_LENGTH or not text.isprintable() or text != text.strip():
        raise NotAsExpected(expected)
    return text


def _time_zone(value: object) -> str:
    expected = "a time zone such as UTC or Europe/Berlin"
    text = _string(value, expected)
    try:
        ZoneInfo(text)
    except (OSError, ValueError, LookupError) as error:  # a folder, a path, no such zone
        raise NotAsExpected(expected) from error
    return text


def _collection_schedule(value: object) -> str:
    if isinstance(value, str) and value in _COLLECTION_WORDS:
        return value
    try:
        return parse_cron(value)
    except NotAsExpected as error:
        raise NotAsExpected(f"{', '.join(_COLLECTION_WORDS)} or {error.expected}", error.hint) from error


def _listen(value: object) -> str:
    expected = "an address and a port such as 127.0.0.1:9095"
    text = _string(value, expected)
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", text)
    if match is None or int(match[1]) > 65535:
        raise NotAsExpected(expected)
    return text


def _origin(value: object) -> str:
    expected = "an https URL, or http on loopback"
    text = _string(value, expected)
    try:
        url = urlsplit(text)
        sound = url.port != 0 and _is_safe(url)
    except ValueError:
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", text):
        raise NotAsExpected(expected, "write scheme, host and port, with no user, query or fragment")
    return text.rstrip("/")


def _is_safe(url: SplitResult) -> bool:
    if not url.hostname or "@" in url.netloc or url.query or url.fragment:
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname))


def _name_of_a_secret(pattern: str, expected: str) -> Callable[[object], str]:
    """A name or a path; a token or a URL is neither, and may be the secret itself."""
    parse = _matching(pattern, expected)

    def parse_name(value: object) -> str:
        text = parse(value)
        if _SECRET.match(text):
            raise NotAsExpected(expected, "say where the secret is, not the secret itself")
        return text

    return parse_name


def _text_schema(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern} | ({"examples": list(examples)} if examples else {}))


_ENV_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_PATH = r"[^\x00-\x1f\x7f]+"
_REGISTRY = "[a-z0-9-]{1,63}"
_GROUP = r"\w+"
_SQLITE = r"sqlite:///[^?#:\x00-\x1f\x7f][^?#\x00-\x1f\x7f]*"
_DURATION_SCHEMA = _text_schema("^(0|[1-9][0-9]{0,11})[smhdw]$", "15m", "36h", "14d", "8w")
_SHARE_SCHEMA = _text_schema(r"^[0-9]{1,3}(\.[0-9]{1,12})?%$", "20%")

Duration: TypeAlias = Annotated[
    timedelta,
    PlainValidator(_positive_duration),
    PlainSerializer(duration_text),
    _text_schema("^[1-9][0-9]{0,11}[smhdw]$", "15m", "36h", "14d", "8w"),
]
DurationOrZero: TypeAlias = Annotated[
    timedelta, PlainValidator(parse_duration), PlainSerializer(duration_text), _DURATION_SCHEMA
]
Size: TypeAlias = Annotated[
    int,
    PlainValidator(parse_size),
    PlainSerializer(size_text),
    _text_schema(r"^[0-9]{1,12}(\.[0-9]{1,12})?(B|[kKMGT]B|[KMGT]iB)$", "0B", "500MB", "20GiB"),
]
Share: TypeAlias = Annotated[Fraction, PlainValidator(parse_share), PlainSerializer(share_text), _SHARE_SCHEMA]
ShareBelowAll: TypeAlias = Annotated[
    Fraction, PlainValidator(_share_below_all), PlainSerializer(share_text), _SHARE_SCHEMA
]
Count: TypeAlias = Annotated[int, PlainValidator(_at_least(1)), WithJsonSchema({"type": "integer", "minimum": 1})]
CountOrZero: TypeAlias = Annotated[int, PlainValidator(_at_least(0)), WithJsonSchema({"type": "integer", "minimum": 0})]
PatternText: TypeAlias = Annotated[
    str,
    PlainValidator(parse_pattern),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": PATTERN_LENGTH, "examples": ["v*", r"re:pr-\d+"]}),
]
DigestText: TypeAlias = Annotated[
    str, PlainValidator(_digest), _text_schema("^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")
]
RegistryName: TypeAlias = Annotated[
    str,
    PlainValidator(_matching(_REGISTRY, "a registry's name: 1 to 63 lower-case letters, digits and hyphens")),
    _text_schema(f"^{_REGISTRY}$", "acme"),
]
GroupName: TypeAlias = Annotated[
    str,
    PlainValidator(_matching(_GROUP, "the name of a group that the patterns capture")),
    _text_schema(f"^{_GROUP}$", "line"),
]
Label: TypeAlias = Annotated[
    str,
    PlainValidator(_label),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LABEL_LENGTH, "examples": ["prod"]}),
]
CronLine: TypeAlias = Annotated[
    str, PlainValidator(parse_cron), WithJsonSchema({"type": "string", "examples": ["30 2 * * *"]})
]
CollectionScheduleText: TypeAlias = Annotated[
    str,
    PlainValidator(_collection_schedule),
    WithJsonSchema({"type": "string", "examples": [*_COLLECTION_WORDS, "0 4 * * sun"]}),
]
TimeZone: TypeAlias = Annotated[
    str, PlainValidator(_time_zone), WithJsonSchema({"type": "string", "examples": ["UTC", "Europe/Berlin"]})
]
Listen: TypeAlias = Annotated[str, PlainValidator(_listen), _text_schema("^.+:[0-9]{1,5}$", "127.0.0.1:9095")]
Origin: TypeAlias = Annotated[str, PlainValidator(_origin), _text_schema("^https?://")]
SqliteUrl: TypeAlias = Annotated[
    str,
    PlainValidator(
        _matching(_SQLITE, "a SQLite URL with a file, such as sqlite:////var/lib/registry-cleaner/state.db")
    ),
    _text_schema("^sqlite:///."),
]
EnvName: TypeAlias = Annotated[
    str,
    PlainValidator(_name_of_a_secret(_ENV_NAME, "the name of an environment variable")),
    _text_schema(f"^{_ENV_NAME}$", "DIGITALOCEAN_ACCESS_TOKEN"),
]
SecretFile: TypeAlias = Annotated[
    str,
    PlainValidator(_name_of_a_secret(_PATH, "the path of a file")),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["/run/secrets/token"]}),
]
FilePath: TypeAlias = Annotated[
    str,
    PlainValidator(_matching(_PATH, "the path of a file")),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["images.txt"]}),
]
