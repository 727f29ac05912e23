"""Whether a corpus fits the disk that it would lie on."""

from __future__ import annotations

import shutil
from pathlib import Path

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.generators.plan import Plan


def room_notes(made: Plan, folder: Path) -> tuple[str, ...]:
    """Return a line where a corpus is larger than what is free, else none.

    Args:
        made: The plan, whose bytes are those before compression; I/Q hardly shrinks.
        folder: Where the corpus would lie; it need not be there.
    """
    try:
        there = next((above for above in (folder, *folder.parents) if above.exists()), None)
        free = None if there is None else shutil.disk_usage(there).free
    except OSError:  # whoever writes there is told
        return ()
    if free is None or made.bytes <= free:
        return ()
    return (f"{bytes_text(made.bytes)} don't fit the {bytes_text(free)} that are free in {there}",)
