"""`python -m benchmarks.faults`."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is imported, just below

from benchmarks.faults.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
