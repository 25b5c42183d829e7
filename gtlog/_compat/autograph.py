"""How AutoGraph calls functions that it does not convert, and how to keep it from converting.

https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/python/autograph/impl/api.py
"""

import sys

_API = "tensorflow.python.autograph.impl.api"


def unconverted(function):
    """Marks a function of gtlog's, so that AutoGraph calls it as it is, like TensorFlow's own.

    Converting takes time at each trace. `tf.autograph.experimental.do_not_convert` would not do:
    AutoGraph would then not convert the functions that it calls either, such as the user's.
    """
    function.autograph_info__ = "gtlog is called as it is"
    return function


def called_by_autograph():
    """How AutoGraph would have converted the function that it just called as it is.

    AutoGraph does not look into callables made by wrapt and calls them unconverted. So the wrapper
    itself converts the function that it wraps, but only if AutoGraph is its caller:
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/impl/api.py

    Returns:
      None if Python called. Otherwise a function `(target, args, kwargs) -> result` that calls
      the target as AutoGraph would have called the wrapper.
    """
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in ("gtlog", "wrapt"):
        frame = frame.f_back
    if frame and type(frame.f_locals.get("self")).__name__ == "TfMethodTarget":
        frame = frame.f_back  # between AutoGraph and a method that tf.function has bound
    if frame is None or frame.f_globals.get("__name__") != _API:
        return None
    options = frame.f_locals.get("options")
    if options is None:
        return None
    from tensorflow.python.autograph.impl import api

    return lambda target, args, kwargs: api.converted_call(
        target, args, kwargs, options=options
    )


def as_autograph_calls(function):
    """A function as AutoGraph would have called it, if AutoGraph called gtlog in its place."""
    autograph_call = called_by_autograph()
    if autograph_call is None:
        return function
    return lambda *args, **kwargs: autograph_call(function, args, kwargs)


def asked_by_tf_convert():
    """Whether AutoGraph's `tf_convert` asks for the attribute that is being computed.

    Strategies and datasets use it to convert a function before they call it, in threads of their
    own. If an object carries `autograph_info__`, `tf_convert` never converts it.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/impl/api.py
    """
    frame = sys._getframe(3)
    return (
        frame.f_code.co_name == "tf_convert" and frame.f_globals["__name__"] == _API
    )


def is_converted(function):
    """Whether a function needs no conversion by AutoGraph, as a `tf.function` does its own."""
    return hasattr(function, "autograph_info__") or hasattr(function, "_tf_decorator")


def is_generated_by_autograph(frame):
    """Whether a stack frame runs code that AutoGraph wrote to a file of its own.

    Its functions share the globals of the user's functions, so their module does not show it. But
    they make all of their calls through this name.
    """
    code = frame.f_code
    return "ag__" in code.co_freevars or "ag__" in code.co_varnames or "ag__" in code.co_names
