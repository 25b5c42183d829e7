"""The order of the rooms, and what each of them alone may do."""

import ast
import pathlib

import gtlog

FOLDER = pathlib.Path(gtlog.__file__).parent

# In the order in which the data flows: a room imports only rooms of the lines above its own, so
# that no cycle can form. A file at the top is a room of its own.
ROOMS = (
    ("_compat", "errors", "lazy", "statistics", "tags", "values"),
    ("vitals",),
    ("notices", "reading", "tensors", "when"),
    ("diagnosis", "records", "testing", "variables"),
    ("graphs", "looking", "sinks", "terminal", "types"),
    ("advice", "plugin", "summaries"),
    ("writing",),
    ("steps",),
    ("logger", "tape"),
    ("decorator",),
    ("gtlog",),
    ("demo",),
    ("cli",),
    ("__main__",),
)
# What only looks at logs, or computes on arrays, runs where TensorFlow is not installed.
WITHOUT_TENSORFLOW = (
    *("diagnosis", "errors", "lazy", "looking", "plugin", "reading", "sinks", "statistics"),
    *("tags", "terminal", "values", "vitals"),
)
_MOST_FILES = 13  # a dozen, and `__init__`
# Of names that tell a version.
_BEGINNINGS, _ENDS = ("tf.version", "sys.version"), ("__version__", ".VERSION")

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MUTABLE_TYPES = (
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter", "local"}
    | {"WeakKeyDictionary", "WeakValueDictionary", "WeakSet"}
)


def name_of(path):
    """The name of the module in a file."""
    parts = ("gtlog", *path.relative_to(FOLDER).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    """The room of a module: the folder, or the file, beneath `gtlog`."""
    return (module.split(".") + ["gtlog"])[1]


TREES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in sorted(FOLDER.rglob("*.py"))
}
LIBRARY = [module for module in TREES if room_of(module) not in ("demo", "cli", "__main__")]


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


def users_of(packages, modules=TREES):
    """The modules that import one of several packages, or from inside them."""
    return {
        module
        for module in modules
        for name in imports(module)
        if any(name == package or name.startswith(package + ".") for package in packages)
    }


def test_each_room_has_a_line():
    """The list above names each folder and file of the package once."""
    named = sorted(room for line in ROOMS for room in line)
    assert named == sorted({room_of(module) for module in TREES})


def test_imports_point_one_way():
    """A room imports only rooms of the lines above its own, and no other one of its line."""
    line_of = {room: number for number, line in enumerate(ROOMS) for room in line}
    offenders = [
        (module, name)
        for module in TREES
        for name in imports(module)
        if name.partition(".")[0] == "gtlog" and room_of(name) != room_of(module)
        if line_of[room_of(name)] >= line_of[room_of(module)]
        if (room_of(module), name) != ("gtlog", "gtlog")
    ]
    assert offenders == []


def test_no_circle_inside_a_room():
    """The modules of a room import each other in one direction."""
    left = {
        module: {
            name
            for name in imports(module)
            if name in TREES and name != module and room_of(name) == room_of(module)
        }
        for module in TREES
    }
    while True:
        free = [module for module, names in left.items() if not names & set(left)]
        if not free:
            break
        for module in free:
            del left[module]
    assert sorted(left) == []


def test_no_room_is_crowded():
    """At most a dozen files lie in one folder, but for the rules: one a fault."""
    folders = {path.parent for path in FOLDER.rglob("*.py")}
    counts = {folder.name: len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: count for name, count in counts.items() if count > _MOST_FILES} == {
        "rules": 16
    }


def test_what_only_looks_needs_no_tensorflow():
    """No module of the rooms that only look, or compute on arrays, imports TensorFlow."""
    looking = [module for module in TREES if room_of(module) in WITHOUT_TENSORFLOW]
    assert users_of(["tensorflow", "gtlog._compat"], looking) == set()


def test_wrapt_is_the_decorators():
    """Only the decorator imports wrapt."""
    assert users_of(["wrapt"]) == {"gtlog.decorator"}


def test_what_tensorflow_keeps_private_is_compats():
    """Only `_compat` imports from `tensorflow.python`, or from what is inside Keras."""
    users = users_of(["tensorflow.python", "tensorflow.keras", "keras", "tf_keras"])
    assert {room_of(module) for module in users} == {"_compat"}


def test_private_modules_are_imported_where_they_are_asked():
    """No import of a private module of TensorFlow's stands at the top of a module."""
    offenders = [
        module
        for module, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tensorflow.")
    ]
    assert offenders == []


def test_versions_are_compats():
    """No module compares versions; what differs is asked of `_compat`, which asks for features."""
    offenders = [
        (module, name)
        for module in LIBRARY
        for name in attributes(module)
        if name and (name.endswith(_ENDS) or name.startswith(_BEGINNINGS))
    ]
    assert offenders == []


def test_events_are_the_writers():
    """Only `writing` makes writers and writes; others at most ask for the step that is set."""
    allowed = {"tf.summary", "tf.summary.experimental", "tf.summary.experimental.get_step"}
    offenders = [
        (module, name)
        for module in TREES
        for name in attributes(module)
        if name and name.startswith("tf.summary") and name not in allowed
        if room_of(module) != "writing"
    ]
    assert offenders == []


def test_no_state_in_modules():
    """What a module assigns is a constant: mutable things have names in capitals."""
    offenders = []
    for module, tree in TREES.items():
        for statement in tree.body:
            targets, value = assigned(statement)
            function = dotted(value.func) if isinstance(value, ast.Call) else None
            is_mutable = isinstance(value, _MUTABLE) or (
                function is not None and function.rpartition(".")[2] in _MUTABLE_TYPES
            )
            names = [dotted(target) for target in targets]
            if is_mutable and not all(name == "__all__" or name.isupper() for name in names):
                offenders.append((module, names))
    assert offenders == []


def test_no_global_statements():
    """No function assigns to a name of its module."""
    offenders = [
        module
        for module, tree in TREES.items()
        if any(isinstance(node, ast.Global) for node in ast.walk(tree))
    ]
    assert offenders == []


def test_constants_are_not_changed():
    """Nothing is put into a list, dict or set that has a name in capitals."""
    changing = {"append", "add", "update", "setdefault", "extend", "pop", "clear", "remove"}
    offenders = []
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in changing and (dotted(node.func.value) or "").isupper():
                    offenders.append((module, dotted(node.func.value)))
            for target in assigned(node)[0]:
                if isinstance(target, ast.Subscript) and (dotted(target.value) or "").isupper():
                    offenders.append((module, dotted(target.value)))
    assert offenders == []


def test_no_monkeypatching():
    """No attribute of something imported is assigned or deleted, by `setattr` neither."""
    offenders = []
    for module, tree in TREES.items():
        imported = {
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        for node in ast.walk(tree):
            targets = list(assigned(node)[0])
            if isinstance(node, ast.Delete):
                targets.extend(node.targets)
            patched = [dotted(one) for one in targets if isinstance(one, ast.Attribute)]
            if isinstance(node, ast.Call) and dotted(node.func) in ("setattr", "delattr"):
                patched.append(dotted(node.args[0]))
            offenders.extend(
                (module, name) for name in patched if name and name.partition(".")[0] in imported
            )
    assert offenders == []
