"""Where in the user's program a warning points: to the line that called, never into a library."""

import dataclasses
import sys
import warnings

from gtlog import _compat

# Packages between the failure and the user's line: gtlog, and what gtlog is called through.
_LIBRARIES = frozenset(
    {"gtlog", "wrapt", "tensorflow", "keras", "tf_keras"}
    | {"concurrent", "contextlib", "functools", "threading", "weakref"}
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the user's program.

    Attributes:
      file: Name of the file, as Python gives it.
      number: Number of the line.
      module: Name of the module. Python drops a warning without one, as if it were shutting down.
    """

    file: str
    number: int
    module: str = "<unknown>"

    def warn(self, message, category):
        """Warns at this line; Python's filters see it as if the line itself had warned."""
        warnings.warn_explicit(
            message, category, self.file, self.number, self.module, self._registry()
        )

    def _registry(self):
        """Where Python notes what a module has warned of, to say it once per line."""
        module = sys.modules.get(self.module)
        return None if module is None else vars(module).setdefault("__warningregistry__", {})


def calling_line():
    """The innermost line of the user's that runs in this thread now, as `Line`.

    Returns:
      None if there is none, as in the callbacks that TensorFlow runs in threads of its own.
    """
    frame = sys._getframe(1)
    while frame is not None and _is_a_librarys(frame):
        frame = frame.f_back
    if frame is None:
        return None
    return _line(frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__"))


def first_line_of(function):
    """The line where the definition of a function begins, as `Line`; None if it has none."""
    function = _compat.python_function_of(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    return _line(code.co_filename, code.co_firstlineno, getattr(function, "__module__", None))


def _line(file, number, module):
    return Line(file, number, module) if isinstance(module, str) else Line(file, number)


def _is_a_librarys(frame):
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    return package in _LIBRARIES or _compat.is_generated_by_autograph(frame)
