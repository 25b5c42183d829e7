"""`python -m gtlog`, the same as the command `gtlog`."""

import sys

from gtlog.cli import main

if __name__ == "__main__":
    sys.exit(main())
