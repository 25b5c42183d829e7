"""Exploding gradients: a gradient that is far larger than it was, and stays so.


Source: AUTOTRAINER, TheDeepChecker, ZClip
"""


def find(evidence):
    return []
