"""Histograms and pictures as the page gets them."""

import numpy as np

from gtlog.looking.png import SIGNATURE, png

BUCKETS = 30
"""Buckets of a histogram on the page, of equal width."""

_MOST_SHARE = 255


def histogram_header(rows_by_step, blocks):
    """One histogram over the steps.

    Args:
      rows_by_step: `[k, 3]` rows of left edge, right edge and count, by step.
      blocks: `Blocks` to add to.

    Returns:
      A dict for the header: `steps`; `edges`, float32 `[steps, 2]`; `counts`, uint8 `[steps,
      BUCKETS]`: the root of a bucket's count over the largest one, in 255ths; and `bands`, float32
      `[steps, 5]`: the 5th, 25th, 50th, 75th and 95th percentile. None where no step has an
      element.
    """
    known = {step: rows for step, rows in sorted(rows_by_step.items()) if _has_elements(rows)}
    if not known:
        return None
    rows = list(known.values())
    edges = np.array([(one[0, 0], one[-1, 1]) for one in rows])
    counts = np.array([_shares(one) for one in rows])
    bands = np.array([_percentiles(one) for one in rows])
    return {
        "steps": list(known),
        "edges": blocks.add(_float32(edges).tobytes()),
        "counts": blocks.add(counts.tobytes()),
        "bands": blocks.add(_float32(bands).tobytes()),
    }


def _float32(numbers):
    most = np.finfo(np.float32).max
    return np.clip(numbers, -most, most).astype("<f4")


def _has_elements(rows):
    return len(rows) > 0 and rows[:, 2].sum() > 0 and bool(np.isfinite(rows).all())


def _shares(rows):
    """uint8 `[BUCKETS]`: roots of the counts, so that the tails are seen too."""
    counts = _rebinned(rows)
    return np.rint(_MOST_SHARE * np.sqrt(counts / counts.max())).astype(np.uint8)


def _rebinned(rows):
    low, high = rows[0, 0], rows[-1, 1]
    if not high > low:  # all elements are equal
        return np.eye(1, BUCKETS, BUCKETS // 2)[0]
    return np.maximum(np.diff(_below(rows, np.linspace(low, high, BUCKETS + 1))), 0)


def _below(rows, places):
    """How many elements lie below each place."""
    edges = np.append(rows[:, 0], rows[-1, 1])
    return np.interp(places, edges, np.append(0, np.cumsum(rows[:, 2])))


def _percentiles(rows, shares=(0.05, 0.25, 0.5, 0.75, 0.95)):
    edges = np.append(rows[:, 0], rows[-1, 1])
    total = np.append(0, np.cumsum(rows[:, 2]))
    rising = np.append(True, np.diff(total) > 0)
    return np.interp(np.array(shares) * total[-1], total[rising], edges[rising])


def picture_bytes(picture):
    """A picture as a PNG file.

    Args:
      picture: `bytes` of a file, or uint8 pixels `[height, width, channels]`.

    Returns:
      `bytes`; None if the file is no PNG.
    """
    if isinstance(picture, bytes):
        return picture if picture.startswith(SIGNATURE) else None
    return png(np.asarray(picture, np.uint8))
