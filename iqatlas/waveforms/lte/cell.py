"""What every channel of a cell depends on."""

from __future__ import annotations

from dataclasses import dataclass

from iqatlas.waveforms.lte.numerology import SUBCARRIERS_PER_BLOCK, symbols_per_slot


@dataclass(frozen=True)
class Cell:
    """One cell's identity and set-up.

    Args:
        cell_id: Physical-layer cell identity, 0 to 503.
        resource_blocks: Resource blocks across the carrier.
        antenna_ports: 1 or 2.
        extended_prefix: Whether the cyclic prefix is the extended one.
    """

    cell_id: int
    resource_blocks: int
    antenna_ports: int = 1
    extended_prefix: bool = False

    @property
    def subcarriers(self) -> int:
        """Number of subcarriers in use."""
        return SUBCARRIERS_PER_BLOCK * self.resource_blocks

    @property
    def symbols_per_slot(self) -> int:
        """OFDM symbols in a slot."""
        return symbols_per_slot(self.extended_prefix)

    @property
    def symbols_per_subframe(self) -> int:
        """OFDM symbols in a subframe."""
        return 2 * self.symbols_per_slot
