"""The kinds of settings, and how a field carries its documentation."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from digest import checks

# Of several BeforeValidators, pydantic runs the last one first.
Line = Annotated[str, BeforeValidator(checks.line)]
WebAddress = Annotated[str, BeforeValidator(checks.web_address), BeforeValidator(checks.line)]
Mailbox = Annotated[str, BeforeValidator(checks.mailbox), BeforeValidator(checks.line)]
Zone = Annotated[str, BeforeValidator(checks.zone)]


def setting(default: Any, doc: str, *, allowed: str = "", secret: bool = False) -> Any:
    """A field with its documentation; what is `allowed` is said to who sets it wrongly. A secret is never shown."""
    return Field(default=default, description=doc, json_schema_extra={"secret": secret, "allowed": allowed})


def number(default: float, least: float, most: float, doc: str) -> Any:
    """The same of a number between two, whole if its default is."""
    kind = "a whole number" if isinstance(default, int) else "a number"
    told: Any = {"secret": False, "allowed": f"{kind} from {least:.0f} to {most:.0f}"}
    return Field(default=default, ge=least, le=most, allow_inf_nan=False, description=doc, json_schema_extra=told)
