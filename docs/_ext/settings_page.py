"""The settings of the coordinator as Markdown, from its traitlets and its variables."""

from __future__ import annotations

from traitlets import TraitType

from caesura.coordinator.settings import VARIABLES, Caesura

_KINDS = {"Int": "whole number", "Integer": "whole number", "Float": "number", "Unicode": "text"}
_OF_THE_MACHINE = {"workers": "number of cores"}
"""Defaults that are not the same everywhere."""


def markdown() -> str:
    """One entry a setting: its trait, its variable, kind, default and help."""
    variables = {name: variable for variable, name in VARIABLES.items()}
    traits = Caesura.class_own_traits(config=True)
    return "\n\n".join(_entry(name, trait, variables.get(name)) for name, trait in sorted(traits.items()))


def _entry(name: str, trait: TraitType, variable: str | None) -> str:
    default = _OF_THE_MACHINE.get(name) or f"`{trait.default_value!r}`"
    allowed = getattr(trait, "values", None)
    kind = ", ".join(f"`{value}`" for value in allowed) if allowed else _KINDS[type(trait).__name__]
    facts = [f"variable `{variable}`" if variable else "no variable", kind, f"default: {default}"]
    return f"`Caesura.{name}`\n: {'; '.join(facts)}\n\n  {trait.help}"
