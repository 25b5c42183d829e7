"""What users lean on: the public names, and an import that costs no more than it must."""

import inspect
import json
import pathlib
import types

import pytest

import gtlog
from gtlog import errors, sinks, summaries, testing

from .processes import run_python

FOLDER = pathlib.Path(gtlog.__file__).parent
PUBLIC = [
    *((gtlog, name) for name in gtlog.__all__),
    *((sinks, name) for name in sinks.__all__),
    *((summaries, name) for name in summaries.__all__),
    *((testing, name) for name in ("Events", "LoggedValue")),
    *((testing, name) for name in ("assert_traced_at_most", "read_events")),
]


def exposed(package):
    """The public names of a package, without the modules and packages that it is made of."""
    return {
        name
        for name, value in ((name, getattr(package, name)) for name in dir(package))
        if not name.startswith("_")
        and (name in package.__all__ or not isinstance(value, types.ModuleType))
    }


class TestNames:
    """The names under which everything is found."""

    @pytest.mark.parametrize("module", [gtlog, sinks, summaries])
    def test_all_agrees_with_the_module(self, module):
        """`__all__` names what the module exposes, its own modules aside."""
        assert exposed(module) == set(module.__all__)

    @pytest.mark.parametrize("module", [gtlog, sinks, summaries])
    def test_all_is_sorted_and_complete(self, module):
        """`__all__` is in order, names each thing once, and everything in it is there."""
        assert module.__all__ == sorted(set(module.__all__))
        assert [name for name in module.__all__ if not hasattr(module, name)] == []

    def test_star_import(self):
        """`from gtlog import *` gives what `__all__` names, and nothing else."""
        names = {}
        exec("from gtlog import *", names)
        assert set(names) - {"__builtins__"} == set(gtlog.__all__)

    def test_functions_of_one_name_with_a_module(self):
        """`summaries.histograms` and its like are the functions, not the modules they are in."""
        for name in ("histograms", "kernel_images", "recurrent_gates", "scalars"):
            assert inspect.isfunction(getattr(summaries, name))

    def test_warnings_and_errors(self):
        """Users catch a RuntimeError and filter a UserWarning."""
        assert issubclass(errors.LoggingError, RuntimeError)
        assert issubclass(errors.LoggingWarning, UserWarning)

    def test_version(self):
        """The version is three numbers."""
        assert len([int(part) for part in gtlog.__version__.split(".")]) == 3

    def test_it_is_typed(self):
        """The marker for type checkers is in the package."""
        assert (FOLDER / "py.typed").is_file()


@pytest.mark.parametrize("module, name", PUBLIC, ids=[name for _, name in PUBLIC])
class TestDocstrings:
    """Everything public is described."""

    def test_it_has_a_docstring(self, module, name):
        """A public name has a docstring of its own that begins with a sentence."""
        doc = inspect.getdoc(getattr(module, name)) or ""
        first = doc.partition("\n\n")[0]
        assert first.rstrip("`").endswith((".", ":")), first
        bases = getattr(getattr(module, name), "__bases__", ())
        assert doc not in [inspect.getdoc(base) for base in bases]

    def test_its_public_methods_have_docstrings(self, module, name):
        """So has each public method and property that a public class defines."""
        value = getattr(module, name)
        members = vars(value).items() if inspect.isclass(value) else ()
        missing = [
            member_name
            for member_name, member in members
            if not member_name.startswith("_")
            and (callable(member) or hasattr(member, "__get__"))
            and not inspect.getdoc(member)
        ]
        assert missing == []


class TestSignatures:
    """The parameters, which are a contract."""

    PARAMETERS = [
        "writer",
        "every",
        "step",
        "summaries",
        "include",
        "exclude",
        "model",
        "names",
        "on_error",
        "diagnose",
    ]

    @pytest.mark.parametrize("function", [gtlog.logged_step, gtlog.StepLogger])
    def test_decorator_and_logger(self, function):
        """Decorator and logger have the same parameters, keyword-only from the third."""
        parameters = inspect.signature(function).parameters
        assert list(parameters) == self.PARAMETERS
        for name, parameter in parameters.items():
            is_positional = name in ("writer", "every")
            assert (parameter.kind is parameter.POSITIONAL_OR_KEYWORD) == is_positional
        defaults = {name: one.default for name, one in parameters.items()}
        assert defaults.pop("writer") is inspect.Parameter.empty
        assert (defaults.pop("every"), defaults.pop("on_error")) == (1, "warn")
        assert defaults.pop("diagnose") is True
        assert defaults.pop("names") == "own"
        assert set(defaults.values()) == {None}

    def test_methods_of_the_logger(self):
        """Methods that take nothing."""
        for name in ("step", "flush", "close"):
            method = getattr(gtlog.StepLogger, name)
            assert list(inspect.signature(method).parameters) == ["self"]

    def test_the_callback(self):
        """Gradients are seen in `fit` where they are asked for."""
        parameters = inspect.signature(gtlog.StepLogger.keras_callback).parameters
        assert list(parameters) == ["self", "gradients"]
        assert parameters["gradients"].default is False

    def test_a_logger_shows_what_is_public(self):
        """Tab completion offers the methods of the contract, and nothing else."""
        shown = {name for name in dir(gtlog.StepLogger) if not name.startswith("_")}
        assert shown == {
            *("step", "keras_callback", "flush", "close"),
            *("scalar", "histogram", "image", "step_number"),
        }

    def test_tape(self):
        """The tape has TensorFlow's parameters and keyword-only ones."""
        parameters = inspect.signature(gtlog.InstrumentedTape).parameters
        assert [(name, one.default) for name, one in parameters.items()] == [
            ("persistent", False),
            ("watch_accessed_variables", True),
            ("logger", None),
            ("name", None),
        ]
        assert parameters["logger"].kind is inspect.Parameter.KEYWORD_ONLY

    @pytest.mark.parametrize("name", ["gradient", "jacobian", "batch_jacobian"])
    def test_methods_of_the_tape(self, name):
        """Its methods take what those of tf.GradientTape take."""
        import tensorflow as tf

        def kinds(tape):
            parameters = inspect.signature(getattr(tape, name)).parameters.values()
            return [(one.name, one.kind, one.default) for one in parameters]

        assert kinds(gtlog.InstrumentedTape) == kinds(tf.GradientTape)


@pytest.fixture(scope="module")
def facts():
    """What the import did in a process that has imported TensorFlow, and no more."""
    out, _ = run_python(
        """
        import json, os, sys, threading
        import tensorflow as tf

        touched = []
        def watch(event, arguments):
            if event.startswith(("socket.", "subprocess.", "os.system", "urllib.")):
                touched.append(event)
            elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                touched.append(str(arguments))

        sys.dont_write_bytecode = True  # or Python itself makes files
        modules, threads = set(sys.modules), threading.active_count()
        sys.addaudithook(watch)
        from gtlog import *
        facts = {
            "touched": list(touched),
            "modules": sorted(set(sys.modules) - modules),
            "threads": threading.active_count() - threads,
        }
        tf.config.threading.set_intra_op_parallelism_threads(1)
        print(json.dumps(facts))
        """
    )
    return json.loads(out.splitlines()[-1])


class TestImport:
    """What `import gtlog` does to a process."""

    def test_it_imports_neither_tensorboard_nor_keras(self, facts):
        """Beyond TensorFlow it imports gtlog, wrapt, and modules of the standard library."""
        imported = {name.partition(".")[0] for name in facts["modules"]}
        assert "gtlog" in imported
        heavy = {"tensorboard", "keras", "tf_keras", "matplotlib", "sklearn", "tqdm", "PIL"}
        assert imported & heavy == set()

    def test_it_touches_nothing(self, facts):
        """It makes no file, starts no process and opens no socket."""
        assert facts["touched"] == []

    def test_it_starts_no_thread_and_opens_no_device(self, facts):
        """Threads may still be configured, which TensorFlow refuses once a device is open."""
        assert facts["threads"] == 0

    def test_it_imports_nothing_before_it_is_used(self):
        """`import gtlog` alone imports no TensorFlow; `gtlog.logged_step` does."""
        run_python(
            """
            import sys
            import gtlog
            assert "tensorflow" not in sys.modules and "numpy" not in sys.modules
            assert set(gtlog.__all__) <= set(dir(gtlog))
            gtlog.logged_step
            assert "tensorflow" in sys.modules
            """
        )

    def test_a_name_that_is_not_there(self):
        """A misspelt name is an AttributeError that names it, and an ImportError in `from`."""
        with pytest.raises(AttributeError, match="module 'gtlog' has no attribute 'loged_step'"):
            gtlog.loged_step
        with pytest.raises(ImportError, match="loged_step"):
            exec("from gtlog import loged_step")

    def test_without_tensorflow(self):
        """One sentence names what to install, without a traceback through gtlog's modules."""
        out, _ = run_python(
            """
            import sys

            class Blocker:
                def find_spec(self, name, path=None, target=None):
                    if name.partition(".")[0] == "tensorflow":
                        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

            sys.meta_path.insert(0, Blocker())
            try:
                from gtlog import logged_step
            except ModuleNotFoundError as error:
                assert error.name == "tensorflow"
                assert error.__cause__ is None and error.__suppress_context__
                print(error)
            """
        )
        assert out.splitlines() == [
            "gtlog needs TensorFlow 2.3 or later, which is not installed: "
            "pip install tensorflow-cpu (or tensorflow, for the GPU build)."
        ]

    def test_a_broken_tensorflow_is_not_hidden(self):
        """Where TensorFlow itself lacks a module, the error is TensorFlow's own."""
        out, _ = run_python(
            """
            import sys

            class Blocker:
                def find_spec(self, name, path=None, target=None):
                    if name == "tensorflow":
                        raise ModuleNotFoundError("No module named 'absl'", name="absl")

            sys.meta_path.insert(0, Blocker())
            try:
                from gtlog import logged_step
            except ModuleNotFoundError as error:
                print(error)
            """
        )
        assert out.splitlines() == ["No module named 'absl'"]
