"""``iqatlas schema``: the JSON Schema of a spec."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of a spec, for editors that complete and check YAML.

    Example: iqatlas schema > iqatlas.schema.json
    """
    from iqatlas.generators.spec import CorpusSpec

    typer.echo(json.dumps(CorpusSpec.model_json_schema(), indent=2))
