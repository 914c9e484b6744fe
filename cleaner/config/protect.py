"""The models of what is kept whatever the rules say: what each key takes, its default, and its meaning (policy page).

The docstrings are the descriptions in the JSON Schema.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from cleaner.config.mappings import Model, mapping
from cleaner.config.policies import Patterns
from cleaner.config.scalars import CountOrZero, DigestText, DurationOrZero, FilePath, Label, PatternText
from cleaner.config.units import NotAsExpected

UNNAMED_CLUSTER = "cluster"
"""What a cluster is called that the file gives no name."""

_SOURCES = ("app_platform", "kubernetes", "file")


class AppPlatform(Model):
    """Apps of the account: what runs, is being deployed, is pinned by a rollback, and what ran before."""

    deployments: CountOrZero = 5
    """So many earlier deployments of each app may be rolled back to."""


class Kubernetes(Model):
    """Workloads of a cluster and their earlier revisions; without a kubeconfig, of the one around this process."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"context": ["kubeconfig"]}})

    cluster: Label | None = None
    """Its name in reasons and metrics; where it is not given, the context's, else `cluster`."""
    kubeconfig: FilePath | None = None
    """The file that says how to ask it; a relative path starts at the folder of the configuration."""
    context: Label | None = None
    """The kubeconfig's context; where it is not given, its current one."""

    @model_validator(mode="after")
    def _context_is_of_a_kubeconfig(self) -> Kubernetes:
        if self.context is not None and self.kubeconfig is None:
            raise NotAsExpected("a kubeconfig beside the context", "write {kubeconfig: kube.yaml, context: …}")
        return self


class InUseEntry(Model):
    """One source that tells which images are in use."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [source]} for source in _SOURCES]})

    app_platform: Annotated[AppPlatform, mapping("{} or {deployments: 5}")] | None = None
    kubernetes: Annotated[Kubernetes, mapping("{} or {kubeconfig: kube.yaml}")] | None = None
    file: FilePath | None = None
    """A file of image references, one a line; a relative path starts at the folder of the configuration."""
    repositories: Patterns | None = None
    """The repositories in which nothing is deleted while it cannot be read; all of them where it is not given."""

    @model_validator(mode="after")
    def _has_one_source(self) -> InUseEntry:
        if len(self.model_fields_set.intersection(_SOURCES)) != 1:
            raise NotAsExpected(f"exactly one of {', '.join(_SOURCES)}", "give each source an entry of its own")
        return self


def _in_use_kind(value: Any) -> str | None:
    return "none" if value == "none" else "a list" if isinstance(value, list) and value else None


class Protect(Model):
    """What is kept whatever the rules say."""

    tags: list[PatternText] = Field(default=["latest", "hold-*"])
    """Patterns of tags, attachment tags included."""
    digests: list[DigestText] = Field(default=[])
    """Manifests by digest."""
    in_use: (
        Annotated[
            Annotated[Literal["none"], Tag("none")]
            | Annotated[
                list[Annotated[InUseEntry, mapping("{app_platform: {}}, {kubernetes: {}} or {file: images.txt}")]],
                Field(min_length=1),
                Tag("a list"),
            ],
            Discriminator(
                _in_use_kind,
                custom_error_type="expected",
                custom_error_message="none, or a list of sources such as [{app_platform: {}}]",
            ),
        ]
        | None
    ) = None
    """What runs: none, or a list of sources. `mode: enforce` needs one of them: there is no default."""
    remember: DurationOrZero = timedelta(days=30)
    """So long after it was last seen, what was in use is kept, and what its tag pointed to; 0s: nothing is."""
