"""Which layers a model calls while it is traced, and the tensors that they return.

Python itself tells it: a profile function (`sys.setprofile`) is called at each call and return in
its thread. So a model of any kind is seen as it calls its layers, and nothing of it is changed.
"""

import sys
from typing import Any, NamedTuple, Optional, Tuple

import tensorflow as tf


class Call(NamedTuple):
    """One call of a layer.

    Attributes:
      layer: The layer.
      enclosing: The layers that call it, the outermost first.
      source: The first tensor that it is called with; None if there is none.
      output: What it returns; the first of several tensors.
    """

    layer: Any
    enclosing: Tuple[Any, ...]
    source: Optional[Any]
    output: Any


class CallWatcher:
    """Notes the calls of layers in the block of its `with`, in this thread.

    Args:
      layers: The layers that are looked for.

    Attributes:
      calls: List of `Call`, in the order in which the layers return.
    """

    def __init__(self, layers):
        self.calls = []
        self._layers = {id(layer): layer for layer in layers}
        self._open = []
        self._before = None

    def __enter__(self):
        self._before = sys.getprofile()
        sys.setprofile(self._saw)
        return self

    def __exit__(self, kind, error, traceback):
        sys.setprofile(self._before)

    def _saw(self, frame, event, returned):
        if event not in ("call", "return") or frame.f_code.co_name != "__call__":
            return
        layer, arguments = _called(frame)
        if id(layer) not in self._layers:
            return
        if event == "call":
            self._open.append((layer, _first_tensor(arguments)))
        elif self._open:
            self._returned(*self._open.pop(), returned)

    def _returned(self, layer, source, returned):
        enclosing = tuple(one for one, _ in self._open)
        if enclosing and enclosing[-1] is layer:  # a class calls the `__call__` of its base
            return
        output = _first_tensor(returned)
        if output is not None:
            self.calls.append(Call(layer, enclosing, source, output))


def _called(frame):
    """What a method is bound to in a frame, and its other arguments."""
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    if not names:
        return None, []
    local = frame.f_locals
    rest = [value for name, value in local.items() if name != names[0]]
    return local.get(names[0]), rest


def _first_tensor(values):
    """The first tensor in a nest; None if it has none."""
    flat = tf.nest.flatten(values)
    return next((one for one in flat if isinstance(one, tf.Tensor)), None)
