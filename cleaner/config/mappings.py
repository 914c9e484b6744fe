"""The kinds of mappings that keys take: which keys one may have, and which it must."""

from __future__ import annotations

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from cleaner.config.units import NotAsExpected


class Model(BaseModel):
    """One mapping of the language: no key but its own, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Choice(Model):
    """A mapping of which exactly one key is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _has_one_key(self) -> Choice:
        if len(self.model_fields_set) != 1:
            raise NotAsExpected(f"exactly one of {', '.join(type(self).model_fields)}")
        return self


class Levels(Model):
    """A mapping of which at least one key is given: without any it would be no condition."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _has_a_key(self) -> Levels:
        if not self.model_fields_set:
            raise NotAsExpected(
                f"at least one of {', '.join(type(self).model_fields)}", "an empty condition says nothing"
            )
        return self


def mapping(example: str) -> BeforeValidator:
    """Has whatever is no mapping told what to write instead."""

    def check(value: object) -> object:
        if not isinstance(value, dict):
            raise NotAsExpected(f"a mapping such as {example}")
        return value

    return BeforeValidator(check)
