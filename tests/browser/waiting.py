"""Waiting for what a page does by itself."""

import time

_PATIENCE = 30.0  # seconds; a busy machine is slow


def wait_until(page, expression):
    """Waits until an expression is true in a page or frame.

    Playwright's own waiting evaluates strings in the page, which a strict policy forbids.
    """
    end = time.monotonic() + _PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} has not come true"
        page.wait_for_timeout(30)
