"""``python -m posezoo`` is ``posezoo``."""

from posezoo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
