"""``python -m iqatlas`` is ``iqatlas``."""

from iqatlas.cli import main

if __name__ == "__main__":
    main()
