"""Files of a corpus on their way between a catalogue and a folder, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from iqatlas.catalogs.manifest import FileEntry

AT_ONCE = 4


def transfer(
    files: Sequence[FileEntry],
    bring: Callable[[int, FileEntry], None],
    *,
    total_bytes: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Bring each file over; where one fails, or the user interrupts, those that have not begun are left.

    Args:
        files: What is to be brought.
        bring: Brings one of them; called in threads, with its number among them.
        total_bytes: Size of all files of the corpus; what is not to be brought is there already.
        progress: Called with bytes done and bytes in all.
    """
    done = total_bytes - sum(file.bytes for file in files)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for file, _ in zip(files, pool.map(bring, range(len(files)), files), strict=True):
                done += file.bytes
                if progress:
                    progress(done, total_bytes)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
