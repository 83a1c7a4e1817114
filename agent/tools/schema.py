"""A tool as the Responses API wants it: `{"type": "function", name, description, parameters, strict}`."""

from __future__ import annotations

from typing import Any

from agent.tools.base import Tool

_KEPT = ("type", "description", "enum", "minItems", "maxItems")
_BOUNDS = ("minimum", "maximum")
_TELLING = 1000  # a bound beyond it (the edge of the board) is not worth its tokens; we check it all the same


def openai_schema(tool: type[Tool]) -> dict[str, Any]:
    """The function definition the model reads; byte-stable, so that prompts are cached.

    A strict schema requires every field and says `null` where one may be left out; the other kind leaves optional
    fields out of `required` (nulls cost 2.5 times the tokens) and is checked by us alone.
    """
    raw = tool.model_json_schema(by_alias=True)
    return {
        "type": "function",
        "name": tool.name,
        "description": " ".join((tool.__doc__ or "").split()),
        "parameters": _object(raw, raw.get("$defs", {}), tool.strict),
        "strict": tool.strict,
    }


def input_schema(tool: type[Tool]) -> dict[str, Any]:
    """The arguments for clients that enforce no schema (MCP): what may be left out is not required."""
    raw = tool.model_json_schema(by_alias=True)
    return _object(raw, raw.get("$defs", {}), strict=False)


def _object(node: dict[str, Any], definitions: dict[str, Any], strict: bool) -> dict[str, Any]:
    properties = {name: _value(part, definitions, strict) for name, part in node.get("properties", {}).items()}
    required = list(properties) if strict else [name for name in node.get("required", []) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value(node: dict[str, Any], definitions: dict[str, Any], strict: bool) -> dict[str, Any]:
    described = {"description": node["description"]} if "description" in node else {}
    if "$ref" in node:
        return {**_value(definitions[node["$ref"].rsplit("/", 1)[1]], definitions, strict), **described}
    if "anyOf" in node:
        return {**_union(node["anyOf"], definitions, strict), **described}
    if node.get("type") == "object":
        return {**_object(node, definitions, strict), **described}
    kept = {key: node[key] for key in _KEPT if key in node}
    kept |= {key: node[key] for key in _BOUNDS if key in node and abs(node[key]) <= _TELLING}
    if "const" in node:
        kept["enum"] = [node["const"]]
    if "items" in node:
        kept["items"] = _value(node["items"], definitions, strict)
    return kept


def _union(options: list[dict[str, Any]], definitions: dict[str, Any], strict: bool) -> dict[str, Any]:
    some = [_value(option, definitions, strict) for option in options if option.get("type") != "null"]
    if len(some) > 1:
        return {"anyOf": [*some, {"type": "null"}] if strict and len(some) < len(options) else some}
    only = some[0]
    if strict and len(some) < len(options):
        only["type"] = [only["type"], "null"]
        if "enum" in only:
            only["enum"] = [*only["enum"], None]
    return only
