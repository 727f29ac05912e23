"""Change-log fragments of ``changes/``: print them together, or move them into ``CHANGELOG.md``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = ("added", "changed", "fixed")


def fragments(folder: Path) -> dict[str, list[Path]]:
    """Return the fragments of each kind, by name.

    Raises:
        SystemExit: A file is of no kind.
    """
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        kind = path.name.split(".")[-2] if path.name.count(".") >= 2 else ""
        if kind not in found:
            raise SystemExit(f"{path.name}: accepted: NAME.{'.md, NAME.'.join(KINDS)}.md")
        found[kind].append(path)
    return found


def together(found: dict[str, list[Path]]) -> str:
    """Return all fragments as a part of the change log."""
    parts = []
    for kind, paths in found.items():
        items = "\n".join(path.read_text(encoding="utf-8").strip() for path in paths)
        if items:
            parts.append(f"{kind.capitalize()}:\n\n{items}\n")
    return "\n".join(parts)


def released(changelog: str, part: str) -> str:
    """Return the change log with a part at the end of its newest version.

    Raises:
        SystemExit: It has no version.
    """
    headings = [match.start() for match in re.finditer(r"^## ", changelog, re.MULTILINE)]
    if not headings:
        raise SystemExit("CHANGELOG.md: no heading of a version")
    end = headings[1] if len(headings) > 1 else len(changelog)
    return f"{changelog[:end].rstrip()}\n\n{part.rstrip()}\n" + (
        f"\n{changelog[end:]}" if end < len(changelog) else ""
    )


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", action="store_true", help="move them into CHANGELOG.md")
    asked = parser.parse_args()
    found = fragments(ROOT / "changes")
    part = together(found)
    if not asked.release:
        print(part, end="")
        return
    if part:
        file = ROOT / "CHANGELOG.md"
        file.write_text(released(file.read_text(encoding="utf-8"), part), encoding="utf-8")
    for paths in found.values():
        for path in paths:
            path.unlink()


if __name__ == "__main__":
    main()
