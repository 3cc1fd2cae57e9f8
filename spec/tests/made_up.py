"""A small version of the specification, made up for tests and changed in one thing at a time."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

SENTENCES = {
    "status.polite": "An agent MUST say please.",
    "status.thanked": "A WOS SHOULD say thank you.",
    "status.sung": "An agent MAY sing.",
    "status.quiet": "An agent MUST NOT shout.",
}
ROWS: dict[str, dict[str, Any]] = {
    "status.polite": {"role": "agent", "origin": "margo", "source": ["N001"], "schema": "word"},
    "status.thanked": {"role": "wos", "origin": "added"},
    "status.sung": {"role": "agent", "origin": "added", "feature": "song"},
    "status.quiet": {"role": "agent", "origin": "resolved", "source": ["N002"]},
}
WORD: dict[str, Any] = {
    "$id": "https://example.org/word.schema.json",
    "title": "Word",
    "description": "What is said.",
    "x-requirements": ["status.polite"],
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^[a-z]+$"},
        "mood": {"enum": ["glad", "sad"]},
        "loudness": {"type": "number", "minimum": 0},
        "title": {"type": "string"},
        "tone": {"$ref": "tone.schema.json"},
        "closed": {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "string"}}},
        "choice": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "list": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {"item": {"type": "string"}},
}
TONE: dict[str, Any] = {"$id": "https://example.org/tone.schema.json", "type": "string"}
PROBLEM = {
    "description": "No.",
    "content": {"application/problem+json": {"schema": {"$ref": "../schemas/word.schema.json"}}},
}
INTERFACE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Talk", "version": "0.1.0"},
    "paths": {
        "/words": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "get": {
                "operationId": "hear",
                "summary": "Hear",
                "responses": {
                    "200": {
                        "description": "A word.",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "../schemas/word.schema.json"}}},
                    },
                    "404": PROBLEM,
                },
            },
            "post": {
                "operationId": "say",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "../schemas/word.schema.json"}}},
                },
                "responses": {"201": {"description": "Said."}},
            },
        }
    },
    "components": {
        "parameters": {"Trace": {"name": "Trace", "in": "header", "required": False, "schema": {"type": "string"}}}
    },
}

Parts = dict[str, Any]
Edit = Callable[[Parts], object]


def version(folder: Path, edit: Edit = lambda parts: None) -> Path:
    """Write the version into a folder, after one edit of its parts."""
    parts: Parts = {
        "sentences": dict(SENTENCES),
        "rows": deepcopy(ROWS),
        "word": deepcopy(WORD),
        "schemas": {"tone": deepcopy(TONE)},
        "talk": deepcopy(INTERFACE),
        "problems": {"rude": {"status": 422, "title": "Rude"}},
        "features": {"song": {"title": "Songs"}},
    }
    edit(parts)
    (folder / "schemas").mkdir(parents=True)
    (folder / "openapi").mkdir()
    lines = [f"> **{name}** {sentence}\n" for name, sentence in parts["sentences"].items()]
    (folder / "status.md").write_text("\n".join(["# Status\n", *lines]), "utf-8")
    for name, content in {"word": parts["word"], **parts["schemas"]}.items():
        (folder / "schemas" / f"{name}.schema.json").write_text(json.dumps(content), "utf-8")
    _write(folder / "requirements.yaml", parts["rows"])
    _write(folder / "openapi" / "talk.yaml", parts["talk"])
    _write(
        folder / "problem-types.yaml", {"base": "https://example.org/p", "types": parts["problems"], "about-blank": []}
    )
    _write(folder / "features.yaml", parts["features"])
    return folder


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
