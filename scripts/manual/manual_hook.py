"""What MkDocs runs before it builds: the pages that are made, not written."""

from __future__ import annotations

from typing import Any

from api_pages import api_pages
from command_page import command_page
from gallery_page import gallery_page
from mkdocs.structure.files import File, Files
from spec_page import spec_page


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the spec, the commands, the gallery and the API."""
    made = {
        "reference/spec.md": spec_page(),
        "reference/commands.md": command_page(),
        "gallery/index.md": gallery_page(),
        **{f"api/{name}.md": text for name, text in api_pages().items()},
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files
