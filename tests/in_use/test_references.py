"""Which images are ours, however they are written: host, nested repository, tag, digest, and both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.in_use.references import Home, Reference, UnparsableReference, assemble, parse, parse_line
from cleaner.model.manifest import Digest

PROVIDER = "registry.digitalocean.com"
HOME = Home("acme", ("Registry.Example:5000", PROVIDER))
DIGEST = Digest(f"sha256:{'a1' * 32}")
LONG_DIGEST = Digest(f"sha512:{'b2' * 64}")

OURS = [
    (f"{PROVIDER}/acme/web:1.2", Reference("web", "1.2", None)),
    (f"{PROVIDER}/acme/web", Reference("web", "latest", None)),
    (f"{PROVIDER}/acme/web@{DIGEST}", Reference("web", None, DIGEST)),
    (f"{PROVIDER}/acme/web@{LONG_DIGEST}", Reference("web", None, LONG_DIGEST)),
    (f"{PROVIDER}/acme/web:1.2@{DIGEST}", Reference("web", "1.2", DIGEST)),
    (f"{PROVIDER}/acme/shop/eu/web:1", Reference("shop/eu/web", "1", None)),
    (f"{PROVIDER}/acme/a__b/c-d.e---f:_1", Reference("a__b/c-d.e---f", "_1", None)),
    (f"{PROVIDER}/acme/acme:1", Reference("acme", "1", None)),
    (f"{PROVIDER}/acme/{PROVIDER}/acme/web:1", Reference(f"{PROVIDER}/acme/web", "1", None)),
    (f"{PROVIDER}/acme/web:{'t' * 128}", Reference("web", "t" * 128, None)),
    ("REGISTRY.DigitalOcean.com/acme/web:V1", Reference("web", "V1", None)),
    (f"{PROVIDER}:443/acme/web:1", Reference("web", "1", None)),
    ("registry.example:5000/acme/web:1", Reference("web", "1", None)),
    ("registry.example/acme/web:1", Reference("web", "1", None)),
    (f"docker-pullable://{PROVIDER}/acme/web@{DIGEST}", Reference("web", None, DIGEST)),
    (f"docker://{PROVIDER}/acme/web:1", Reference("web", "1", None)),
    (f"https://{PROVIDER}/acme/web:1", Reference("web", "1", None)),
    (f"mirror.example:80/proxy/{PROVIDER}/acme/web:1", Reference("web", "1", None)),
    (DIGEST, Reference(None, None, DIGEST)),
    (f"docker://{DIGEST}", Reference(None, None, DIGEST)),
]


@pytest.mark.parametrize(("text", "expected"), OURS)
def test_an_image_of_ours_is_known_however_it_is_written(text: str, expected: Reference) -> None:
    """Tag and digest together are both meant; neither means the tag `latest`."""
    assert parse(text, HOME) == expected


NOT_OURS = [
    f"{PROVIDER}/other/web:1",
    f"{PROVIDER}/other",
    f"{PROVIDER}/acme-2/web:1",
    f"my{PROVIDER}/acme/web:1",
    f"{PROVIDER}.evil.example/acme/web:1",
    f"quay.io/{PROVIDER}s/acme/web",
    "docker.io/acme/web:1",
    "acme/web:1",
    "web",
    "localhost:5000/acme/web",
    "quay.io/Not A Reference",
    "",
    "sha256:123",
    f"SHA256:{'a' * 64}",
]


@pytest.mark.parametrize("text", NOT_OURS)
def test_another_registry_s_image_is_not_ours(text: str) -> None:
    """Be it on the same host, or unreadable and without a word of ours."""
    assert parse(text, HOME) is None


UNPARSABLE = [
    PROVIDER,
    f"{PROVIDER}/acme",
    f"{PROVIDER}/acme:1",
    f"{PROVIDER}/acme/",
    f"{PROVIDER}//acme/web",
    f"{PROVIDER}/acme/Web:1",
    f"{PROVIDER}/acme/web:",
    f"{PROVIDER}/acme/web:-1",
    f"{PROVIDER}/acme/web:{'t' * 129}",
    f"{PROVIDER}/acme/web@",
    f"{PROVIDER}/acme/web@sha256:{'a' * 63}",
    f"{PROVIDER}/acme/web@{DIGEST.upper()}",
    f"{PROVIDER}/acme/web@md5:{'a' * 32}",
    f"{PROVIDER}/acme/web@{DIGEST}@{DIGEST}",
    f"{PROVIDER}/acme/we b",
    f" {PROVIDER}/acme/web:1",
    f"{PROVIDER}/acme/web:1\n",
    f"{PROVIDER}/acme/${{IMAGE}}",
    f"{PROVIDER}./acme/web:1",
    f"{PROVIDER}/acme/docker://web",
    f"{PROVIDER}://web",
    f"{PROVIDER}/other/Web",
    f"{PROVIDER.upper()}/acme/..",
    f"{PROVIDER}/acme/{'w' * 1100}",
    "registry.example:port/acme/web",
]


@pytest.mark.parametrize("text", UNPARSABLE)
def test_what_names_our_host_and_is_no_reference_is_never_passed_over(text: str) -> None:
    """It may be the image that production runs (law 6)."""
    with pytest.raises(UnparsableReference, match="expected"):
        parse(text, HOME)


LINES = [
    ("web:1", (Reference("web", "1", None),)),
    ("shop/web", (Reference("shop/web", "latest", None),)),
    (f"shop/web@{DIGEST}", (Reference("shop/web", None, DIGEST),)),
    ("acme/shop/web:1", (Reference("acme/shop/web", "1", None), Reference("shop/web", "1", None))),
    ("acme:1", (Reference("acme", "1", None),)),
    (f"{PROVIDER}/acme/web:1", (Reference("web", "1", None),)),
    (f"{PROVIDER}/other/web:1", ()),
    ("docker.io/library/nginx:1", ()),
    ("localhost/web", ()),
    ("localhost:5000/web", ()),
    (DIGEST, (Reference(None, None, DIGEST),)),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_in_a_line_written_for_us_an_image_without_a_host_is_ours(line: str, expected: tuple[Reference, ...]) -> None:
    """Our registry's name before it may be the registry, or begin the repository's name: both are kept."""
    assert parse_line(line, HOME) == expected


@pytest.mark.parametrize(
    "line", ["", "Web:1", "quay.io/Web", "sha256:123", "web 1", "web:1 # it", PROVIDER, *UNPARSABLE]
)
def test_a_line_that_is_no_reference_is_never_passed_over(line: str) -> None:
    """Not even where it names nothing of ours: somebody meant something by it."""
    with pytest.raises(UnparsableReference, match="expected"):
        parse_line(line, HOME)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("web", None, None), Reference("web", "latest", None)),
        (("web", "", ""), Reference("web", "latest", None)),
        (("web", "1", None), Reference("web", "1", None)),
        (("shop/web", "", DIGEST), Reference("shop/web", None, DIGEST)),
        (("my.shop/web", "1", DIGEST), Reference("my.shop/web", "1", DIGEST)),
    ],
)
def test_parts_make_a_reference(parts: tuple[str | None, str | None, str | None], expected: Reference) -> None:
    """A repository is taken as it is, also one that begins like a host."""
    assert assemble(*parts, HOME) == expected


def test_a_repository_with_our_host_and_registry_before_it_is_the_one_behind_them() -> None:
    """Somebody wrote the whole name where its last part belongs."""
    assert assemble(f"{PROVIDER}/acme/shop/web", "1", None, HOME) == Reference("shop/web", "1", None)
    assert assemble("registry.example:5000/acme/web", None, DIGEST, HOME) == Reference("web", None, DIGEST)


@pytest.mark.parametrize("rest", ["", "/", "/acme", "/acme/", "/acme/Web", "/other/web", "//acme/web"])
def test_a_repository_with_our_host_and_anything_else_behind_it_is_none(rest: str) -> None:
    """What runs there may be ours (law 6)."""
    with pytest.raises(UnparsableReference, match="expected"):
        assemble(f"{PROVIDER}{rest}", "1", None, HOME)


@pytest.mark.parametrize(
    "parts", [(None, "1", None), ("", "", ""), ("Web", "1", None), ("web", "a b", None), ("web", None, "sha256:12")]
)
def test_parts_that_fit_together_badly_make_none(parts: tuple[str | None, str | None, str | None]) -> None:
    """An image without a repository, or with a tag or digest that is none, is not guessed at."""
    with pytest.raises(UnparsableReference, match="expected"):
        assemble(*parts, HOME)


word = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,3})?", fullmatch=True)
repositories = st.lists(word, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
digests = st.from_regex(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", fullmatch=True).map(Digest)
hosts = st.sampled_from([PROVIDER, "registry.example", "registry.example:5000", "REGISTRY.EXAMPLE:5000"])


@given(repositories, st.none() | tags, st.none() | digests, hosts, st.sampled_from(["", "docker-pullable://"]))
def test_whatever_is_built_by_the_grammar_is_read_back(
    repository: str, tag: str | None, digest: Digest | None, host: str, prefix: str
) -> None:
    """A reference is its parts, whatever they are."""
    image = f"{repository}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
    expected = Reference(repository, "latest" if tag is None and digest is None else tag, digest)
    assert parse(f"{prefix}{host}/acme/{image}", HOME) == expected
    assert parse(f"{prefix}{host}/acmes/{image}", HOME) is None
    assert assemble(repository, tag, digest, HOME) == expected


@given(st.text(st.sampled_from("aZ09._-/:@ #://é")))
def test_what_begins_with_our_registry_is_ours_or_refused(tail: str) -> None:
    """Never passed over, whatever comes behind."""
    try:
        found = parse(f"{PROVIDER}/acme/{tail}", HOME)
    except UnparsableReference:
        found = Reference(None, None, None)
    assert found is not None


def test_a_text_that_looks_like_a_reference_for_long_is_refused_at_once() -> None:
    """A bound on its length comes before the grammar."""
    with pytest.raises(UnparsableReference):
        parse(f"{PROVIDER}/acme/{'a-' * 10_000_000}!", HOME)
