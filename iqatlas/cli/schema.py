"""``iqatlas schema``: the JSON Schema of a spec, or of a corpus's manifest."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def schema(
    manifest: Annotated[bool, typer.Option("--manifest", help="The schema of a corpus's manifest.")] = False,
) -> None:
    """Print the JSON Schema of a spec, for editors that complete and check YAML.

    Example: iqatlas schema > iqatlas.schema.json
    """
    if manifest:
        from iqatlas.catalogs.manifest import Manifest

        body = Manifest.model_json_schema()
    else:
        from iqatlas.generators.spec import CorpusSpec

        body = CorpusSpec.model_json_schema()
    typer.echo(json.dumps(body, indent=2))
