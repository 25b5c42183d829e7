"""The order of the modules, and what each of them alone may do."""

import ast
import pathlib

import pytest

import gtlog

FOLDER = pathlib.Path(gtlog.__file__).parent

# In the order in which the data flows: a module imports only what stands before it, so that no
# cycle can form. A package stands for its `__init__`.
ORDER = (
    # what needs nothing of gtlog
    "gtlog._compat",
    "gtlog.errors",
    "gtlog.steps.active_step",
    "gtlog.when.schedule",
    "gtlog.variables.naming",
    "gtlog.statistics.float32_counts",
    "gtlog.statistics",
    "gtlog.tensors.on_device",
    "gtlog.tensors.arrays",
    "gtlog.tensors.gradients",
    "gtlog.vitals",
    "gtlog.vitals.columns",
    "gtlog.vitals.sketches",
    "gtlog.vitals.measures",
    "gtlog.vitals.table",
    "gtlog.graphs.loss_scale",
    # how failures are said
    "gtlog.notices.users_line",
    "gtlog.notices.failures",
    # when
    "gtlog.when.step_number",
    "gtlog.when.step_counter",
    # what a step left behind
    "gtlog.variables.registry",
    "gtlog.records.step_record",
    "gtlog.records.asked",
    "gtlog.variables.in_use",
    "gtlog.values",
    "gtlog.records.losses",
    "gtlog.records.collected",
    # record to values
    "gtlog.types",
    "gtlog.summaries.parts",
    "gtlog.summaries.histograms",
    "gtlog.summaries.kernels.pixels",
    "gtlog.summaries.kernels.layout",
    "gtlog.summaries.kernels.kinds",
    "gtlog.summaries.kernel_images",
    "gtlog.summaries.recurrent_gates",
    "gtlog.summaries.scalars",
    "gtlog.summaries.vitals",
    "gtlog.summaries.checks",
    "gtlog.summaries.less_often",
    "gtlog.summaries",
    # values to events
    "gtlog.writing.tensorboard.event",
    "gtlog.writing.tensorboard.event_file",
    "gtlog.writing.tensorboard.log_directory",
    "gtlog.writing.writer",
    "gtlog.steps.workers",
    "gtlog.notices.repeats",
    "gtlog.notices.update_outside",
    "gtlog.notices.nonfinite",
    "gtlog.writing.outage",
    "gtlog.notices.unseen_gradients",
    "gtlog.writing.post_hook",
    # the step itself
    "gtlog.graphs.gate",
    "gtlog.steps.observation",
    "gtlog.graphs.traced_functions",
    "gtlog.graphs.second_function",
    "gtlog.steps.step",
    "gtlog.steps.by_tape",
    "gtlog.steps.fit",
    "gtlog.steps.replicas",
    "gtlog.notices.updates_of_calls",
    "gtlog.tape",
    # what users see
    "gtlog.logger",
    "gtlog.decorator",
    "gtlog.testing",
    "gtlog",
    # the demo, and the command that runs it
    "gtlog.demo",
    "gtlog.demo.terminal",
    "gtlog.demo.folder",
    "gtlog.demo.data",
    "gtlog.demo.models",
    "gtlog.demo.distribution",
    "gtlog.demo.panels",
    "gtlog.demo.picture",
    "gtlog.demo.table",
    "gtlog.demo.training",
    "gtlog.demo.run",
    "gtlog.cli",
    "gtlog.__main__",
)
LIBRARY = ORDER[: ORDER.index("gtlog.demo")]

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MUTABLE_TYPES = (
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter", "local"}
    | {"WeakKeyDictionary", "WeakValueDictionary", "WeakSet"}
)


def name_of(path):
    """The name of the module in a file."""
    parts = ("gtlog", *path.relative_to(FOLDER).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in sorted(FOLDER.rglob("*.py"))
}


def imports(module):
    """The full names of the modules that a module imports, in functions too."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import"
            for alias in node.names:
                full_name = f"{node.module}.{alias.name}"
                yield full_name if full_name in TREES else node.module


def dotted(node):
    """`a.b.c` of nested attributes; None where the root is no name."""
    if isinstance(node, ast.Name):
        return node.id
    root = dotted(node.value) if isinstance(node, ast.Attribute) else None
    return None if root is None else f"{root}.{node.attr}"


def attributes(module):
    """All `a.b.c` in a module, the longest of each."""
    return {dotted(node) for node in ast.walk(TREES[module]) if isinstance(node, ast.Attribute)}


def assigned(statement):
    """Targets and value of an assignment; no targets for anything else."""
    if isinstance(statement, ast.Assign):
        return statement.targets, statement.value
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        return [statement.target], statement.value
    return [], None


def test_each_module_has_a_rank():
    """The list above holds each module of the package once."""
    assert sorted(ORDER) == sorted(TREES)


@pytest.mark.parametrize("module", ORDER)
def test_imports_point_one_way(module):
    """A module imports only modules of gtlog that stand before it in the list."""
    before = ORDER[: ORDER.index(module)]
    ours = {name for name in imports(module) if name.partition(".")[0] == "gtlog"}
    assert ours - set(before) == set()


def test_wrapt_is_the_decorators():
    """Only the decorator imports wrapt."""
    users = [module for module in ORDER if "wrapt" in imports(module)]
    assert users == ["gtlog.decorator"]


def test_what_tensorflow_keeps_private_is_compats():
    """Only `_compat` imports from `tensorflow.python`, or from what is inside Keras."""
    private = ("tensorflow.", "keras", "tf_keras")
    users = [module for module in ORDER if any(n.startswith(private) for n in imports(module))]
    assert users == ["gtlog._compat"]


@pytest.mark.parametrize("module", LIBRARY)
def test_versions_are_compats(module):
    """No module compares versions; what differs is asked of `_compat`, which asks for features."""
    names = {name for name in attributes(module) if name}
    assert [name for name in names if name.endswith(("__version__", ".VERSION"))] == []
    assert [name for name in names if name.startswith(("tf.version", "sys.version"))] == []


@pytest.mark.parametrize("module", ORDER)
def test_events_are_the_writers(module):
    """Only the writer makes writers and writes; others at most ask for the step that is set."""
    allowed = {"tf.summary", "tf.summary.experimental", "tf.summary.experimental.get_step"}
    used = {name for name in attributes(module) if name and name.startswith("tf.summary")}
    if module != "gtlog.writing.writer":
        assert used - allowed == set()
    else:
        assert "tf.summary.experimental.write_raw_pb" in used


@pytest.mark.parametrize("module", ORDER)
def test_no_state_in_modules(module):
    """What a module assigns is a constant: mutable things have names in capitals."""
    variables = []
    for statement in TREES[module].body:
        targets, value = assigned(statement)
        function = dotted(value.func) if isinstance(value, ast.Call) else None
        is_mutable = isinstance(value, _MUTABLE) or (
            function is not None and function.rpartition(".")[2] in _MUTABLE_TYPES
        )
        names = [dotted(target) for target in targets]
        if is_mutable and not all(name == "__all__" or name.isupper() for name in names):
            variables.extend(names)
    assert variables == []


@pytest.mark.parametrize("module", ORDER)
def test_no_global_statements(module):
    """No function assigns to a name of its module."""
    assert [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Global)] == []


@pytest.mark.parametrize("module", ORDER)
def test_constants_are_not_changed(module):
    """Nothing is put into a list, dict or set that has a name in capitals."""
    changing = {"append", "add", "update", "setdefault", "extend", "pop", "clear", "remove"}
    changed = []
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in changing and (dotted(node.func.value) or "").isupper():
                changed.append(dotted(node.func))
        for target in assigned(node)[0]:
            if isinstance(target, ast.Subscript) and (dotted(target.value) or "").isupper():
                changed.append(dotted(target.value))
    assert changed == []


@pytest.mark.parametrize("module", ORDER)
def test_no_monkeypatching(module):
    """No attribute of something imported is assigned or deleted, by `setattr` neither."""
    imported = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                imported.add((alias.asname or alias.name).partition(".")[0])
    patched = []
    for node in ast.walk(TREES[module]):
        targets = list(assigned(node)[0])
        if isinstance(node, ast.Delete):
            targets.extend(node.targets)
        patched.extend(dotted(one) for one in targets if isinstance(one, ast.Attribute))
        if isinstance(node, ast.Call) and dotted(node.func) in ("setattr", "delattr"):
            patched.append(dotted(node.args[0]))
    assert [name for name in patched if name and name.partition(".")[0] in imported] == []
