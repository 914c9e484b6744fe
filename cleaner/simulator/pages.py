"""Listings in numbered pages (API page, "Pages")."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from cleaner.simulator.answers import Ask, bad_request

PROVIDER = "https://api.digitalocean.com"
"""Links name the provider's own host, whatever host was asked."""

_PER_PAGE_DEFAULT, _PER_PAGE_MOST = 20, 200
_DIGITS_MOST = 9

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a listing was asked for, and how long pages are."""

    number: int
    size: int

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of the page; none past the end."""
        return items[(self.number - 1) * self.size : self.number * self.size]

    def last(self, total: int) -> int:
        """The number of the last page."""
        return max(1, -(-total // self.size))


def paging(ask: Ask) -> Paging:
    """The page that the query asks for.

    Raises:
        Refusal: 400 where `page` or `per_page` is no number in its range.
    """
    size = _number(ask.query, "per_page", _PER_PAGE_DEFAULT)
    if size > _PER_PAGE_MOST:
        raise bad_request(f"per_page must be from 1 to {_PER_PAGE_MOST}")
    return Paging(_number(ask.query, "page", 1), size)


def token_paging(ask: Ask) -> Paging:
    """The same for listings that also take `page_token`, which wins over `page`.

    Raises:
        Refusal: 400 where `page`, `per_page` or `page_token` cannot be read.
    """
    token = ask.query.get("page_token")
    if token is None:
        return paging(ask)
    size = paging(Ask(ask.path, ask.params, {**ask.query, "page": "1"}, b"")).size
    return Paging(_token_page(token), size)


def numbered(ask: Ask, asked: Paging, total: int) -> dict[str, object]:
    """`links` (none where all fits on one page) and `meta` of a listing."""
    return _surroundings(asked, total, lambda page: _link(ask, asked, {"page": page}))


def tokened(ask: Ask, asked: Paging, total: int) -> dict[str, object]:
    """The same, with a `page_token` in the links to the pages beside this one."""

    def link(page: int) -> str:
        beside = abs(page - asked.number) == 1
        return _link(ask, asked, {"page": page, "page_token": _token(page)} if beside else {"page": page})

    return _surroundings(asked, total, link)


def _surroundings(asked: Paging, total: int, link: Callable[[int], str]) -> dict[str, object]:
    last = asked.last(total)
    if last == 1:
        return {"meta": {"total": total}}
    pages = {"first": 1, "prev": min(asked.number - 1, last)} if asked.number > 1 else {}
    if asked.number < last:
        pages["next"] = asked.number + 1
    pages["last"] = last
    return {"links": {"pages": {name: link(page) for name, page in pages.items()}}, "meta": {"total": total}}


def _link(ask: Ask, asked: Paging, query: Mapping[str, object]) -> str:
    return f"{PROVIDER}{ask.path}?{urlencode({**query, 'per_page': asked.size})}"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MOST and int(text) > 0):
        raise bad_request(f"{name} must be a number from 1")
    return int(text)


def _token(page: int) -> str:
    return base64.urlsafe_b64encode(f"page:{page}".encode()).decode()


def _token_page(token: str) -> int:
    try:
        kind, _, page = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
    except ValueError as error:
        raise bad_request("page_token is not one of ours") from error
    if kind != "page":
        raise bad_request("page_token is not one of ours")
    return _number({"page_token": page}, "page_token", 1)
