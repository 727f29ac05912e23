"""The code blocks of a page: what they are, what their titles name, and why some are not run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
CODE = {"python", "yaml", "console", "bash", "dockerfile"}
PLAIN = {"", "text", "json", "bibtex"}
"""What a page shows and nobody types."""
OTHERS = {
    "cd", "cp", "dask", "export", "git", "ls", "make", "mkdir", "pip", "python", "python3", "sbatch",
    "source", "time",
}  # fmt: skip
"""Programs in a console block that are not this one, and are left alone."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<rest>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_REASON = re.compile(r"<!-- not run: (?P<reason>.+?) -->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    title: str
    reason: str
    """Why it is not run; empty where it is."""
    line: int

    def commands(self) -> Iterator[tuple[list[str], str]]:
        """Give what is typed after each prompt, as words, and what the page shows of the answer."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
            typed, _, answer = part.partition("\n")
            yield shlex.split(typed, comments=True), answer


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        title = re.search(r'title="([^"]+)"', match["rest"])
        reason = _REASON.search(before)
        body = match["text"]
        if match["indent"]:
            body = re.sub(rf"^{match['indent']}", "", body, flags=re.MULTILINE)
        found.append(
            Block(
                match["language"],
                body,
                title[1] if title else "",
                reason["reason"] if reason else "",
                before.count("\n") + 1,
            )
        )
    return found


def no_picture(scene: object, dataset: object, paths: object, file: Path, *, title: str) -> None:
    """Stand in for the overview of a corpus, which other tests draw."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture")
