"""The JSON Schema (2020-12) of the configuration, for editors and `cleaner schema`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cleaner.config.models import File


class _AsWritten(GenerateJsonSchema):
    """Defaults as people write them; a key that may be left out takes no null, since the loader refuses one."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if isinstance(schema.get("default"), BaseModel | None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def schema() -> dict[str, Any]:
    """The JSON Schema; what it rejects the loader rejects, which checks more."""
    # Only the serialization mode writes defaults as the keys take them: "24h", not a number of seconds.
    described = File.model_json_schema(schema_generator=_AsWritten, mode="serialization")
    return {"$schema": _AsWritten.schema_dialect, **described}
