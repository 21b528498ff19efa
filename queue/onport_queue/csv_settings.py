"""The settings of CSV files of products: what their columns become."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CsvColumn(BaseModel):
    """What a column becomes; in the settings its field's name alone will do."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    field: str = Field(min_length=1, description="The field of the product.")
    type: Literal["text", "number", "boolean", "list"] | None = Field(
        None,
        description="How its cells are read; unset: as the vendor documents the field, else text. "
        "A list has its values between commas.",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value


class CsvSettings(BaseModel):
    """How a CSV file of products that is no shop's export is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    decimal: Literal[".", ","] = Field(".", description="The decimal sign of its numbers.")
    columns: dict[str, CsvColumn] = Field(
        default_factory=dict,
        description="Column to field; columns not named are left out. Empty: each column is the "
        "field of its name.",
    )

    @model_validator(mode="after")
    def _fields_differ(self) -> "CsvSettings":
        fields = [column.field for column in self.columns.values()]
        for field in fields:
            if fields.count(field) > 1:
                raise ValueError(f"columns: two columns become the field {field}")
        return self
