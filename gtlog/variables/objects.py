"""The objects that a step holds: modules and optimizers, found from its Python function.

A step names the models that it trains: a model is the object that its method is bound to, an
argument, a variable of its closure, or a global. From that object, attributes lead to each
variable. An unnamed variable has these attributes as its path.
"""

import collections
import functools
import types
import weakref

import tensorflow as tf

from gtlog import _compat

_MOST_ITEMS = 1000
_MOST_CALLS = 3
_LIBRARIES = ("gtlog", "keras", "numpy", "tensorflow", "tf_keras", "wrapt")
_CONTAINERS = (list, tuple, dict)


def objects_of(function):
    """The modules and optimizers that a function holds, and those of the functions that it names.

    Args:
      function: Python function, `tf.function` object, bound method, partial, or callable object.

    Returns:
      List of (name, object), each object once. The name is that of the closure's variable, global,
      parameter or attribute. If the object lies in a list or dict, its index or key follows that
      name. The object that the function is a method of has an empty name.
    """
    found = {}
    for name, value in _values_of(function, _MOST_CALLS, set()):
        for path, one in _unpacked(name, value):
            if is_module(one) or is_optimizer(one):
                found.setdefault(id(one), (path, one))
    return list(found.values())


def is_module(value):
    """Whether an object is a `tf.Module`, or a model or layer of any Keras."""
    return isinstance(value, tf.Module) or hasattr(type(value), "trainable_variables")


def is_optimizer(value):
    """Whether an object is an optimizer: it counts its iterations."""
    return hasattr(type(value), "iterations")


def paths_in(module):
    """The paths of the variables of a module: the attributes that lead to them.

    Lists and dicts add an index or key, as in `layers/0/w`. Of several paths the one without
    private attributes counts, and of those the shortest.

    Args:
      module: `tf.Module`, Keras model or layer.

    Returns:
      Dict from the `id` of a `tf.Variable` to its path, and the set of the `id`s of the module and
      of all modules inside it.
    """
    paths, seen = {}, {id(module)}
    public, private = collections.deque([((), module)]), collections.deque()
    while public or private:
        path, value = (public or private).popleft()
        for name, part in _parts_of(value):
            place = (*path, name.lstrip("_") or name)
            if isinstance(part, tf.Variable):
                paths.setdefault(id(_compat.resource_variable(part)), "/".join(place))
            elif id(part) not in seen and (isinstance(part, _CONTAINERS) or is_module(part)):
                if name.startswith("_"):
                    private.append((place, part))
                else:
                    seen.add(id(part))
                    public.append((place, part))
    return paths, seen


class ObjectPaths:
    """Finds the paths of variables in the objects that the steps of a logger hold.

    Functions and objects are held weakly.

    Attributes:
      added: How many functions and objects were noted so far.
    """

    def __init__(self):
        self.added = 0
        self._functions = []
        self._objects = {}
        self._paths = None

    def add_function(self, function):
        """Notes a function that is decorated."""
        if type(function).__weakrefoffset__:
            self._functions.append(weakref.ref(function))
            self.added += 1

    def add_call(self, function, instance, args, kwargs):
        """Notes the modules that a decorated function is called with, or is a method of."""
        arguments = [*zip(_parameters_of(function), args), *kwargs.items()]
        owners = [instance, *(value for name, value in arguments if name == "self")]
        for owner in owners:  # TensorFlow may pass `self` as the first argument
            arguments = [*_of_owner(owner), *arguments]
        for name, value in arguments:
            self.add_object(name, value)

    def add_object(self, name, value):
        """Notes a module or an optimizer under its name in the step; ignores anything else."""
        if (is_module(value) or is_optimizer(value)) and id(value) not in self._objects:
            drop = functools.partial(_drop, self._objects, id(value))
            self._objects[id(value)] = name, weakref.ref(value, drop)
            self.added += 1

    def forget(self):
        """Has the objects looked through anew: modules make variables when they are called."""
        self._paths = None

    def path_of(self, variable):
        """The path of a variable in the first object that leads to it. None if none does."""
        if self._paths is None:
            self._paths = self._found()
        return self._paths.get(id(variable))

    def _found(self):
        """Paths by the `id` of the variable; where two would be equal, the object's name leads."""
        roots = self._outermost()
        counts = collections.Counter(path for _, paths in roots for path in paths.values())
        found = {}
        for name, paths in roots:
            for variable, path in paths.items():
                leads = name and counts[path] > 1
                found.setdefault(variable, f"{name}/{path}" if leads else path)
        return found

    def _outermost(self):
        """Name and paths of each module that no other module leads to."""
        kept = {}
        for name, root in self._roots():
            if any(id(root) in seen for _, _, seen in kept.values()):
                continue
            paths, seen = paths_in(root)
            kept = {one: parts for one, parts in kept.items() if one not in seen}
            kept[id(root)] = name, paths, seen
        return [(name, paths) for name, paths, _ in kept.values()]

    @property
    def roots(self):
        """The modules that the steps hold, those inside others included."""
        return [root for _, root in self._roots()]

    def _roots(self):
        return [(name, root) for name, root in self._held() if is_module(root)]

    def _held(self):
        held = [(name, reference()) for name, reference in list(self._objects.values())]
        for reference in self._functions:
            function = reference()
            held += [] if function is None else objects_of(function)
        return [(name, one) for name, one in held if one is not None]

    def optimizers(self):
        """Pairs of name and optimizer that the steps hold, those of their modules included."""
        held = self._held()
        for _, one in held[:]:
            if is_module(one):
                # Those in containers last: TensorFlow and Keras keep some of their own.
                parts = [pair for part in vars(one).items() for pair in _unpacked(*part)]
                parts.sort(key=lambda pair: "/" in pair[0])
                held += [(part.strip("_"), value) for part, value in parts]
        found = {id(one): (name, one) for name, one in reversed(held) if _compat.is_optimizer(one)}
        return list(found.values())[::-1]


def _drop(objects, key, reference):
    if key in objects and objects[key][1] is reference:
        del objects[key]


def _values_of(function, calls, seen):
    """Pairs of name and value of all that a function holds."""
    function = _compat.python_function_of(getattr(function, "__wrapped__", function))
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, functools.partial):
        yield from zip(_parameters_of(function.func), function.args)
        yield from function.keywords.items()
        yield from _values_of(function.func, calls, seen)
    elif isinstance(function, types.FunctionType):
        for name, value in _names_of(function):
            yield name, value
            if calls and _is_users_function(value):
                yield from _values_of(value, calls - 1, seen)
    elif hasattr(function, "__func__"):
        yield from _of_owner(getattr(function, "__self__", None))
        yield from _values_of(function.__func__, calls, seen)
    elif isinstance(vars(type(function)).get("__call__"), types.FunctionType):
        yield from _of_owner(function)
        yield from _values_of(vars(type(function))["__call__"], calls, seen)


def _of_owner(owner):
    """The owner of a method, without a name. If the owner is no module, its attributes instead."""
    if owner is None or isinstance(owner, type) or is_module(owner):
        return [("", owner)]
    return list(getattr(owner, "__dict__", {}).items())


def _names_of(function):
    """Pairs of name and value: closure, defaults of parameters, globals."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        for value in _content_of(cell):
            yield name, value
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults)
    yield from (function.__kwdefaults__ or {}).items()
    for name in _global_names(code):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _content_of(cell):
    try:
        return [cell.cell_contents]
    except ValueError:  # a variable of the closure that has no value yet
        return []


def _global_names(code):
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(_global_names(constant)))
    return names


def _is_users_function(value):
    is_function = isinstance(value, (types.FunctionType, types.MethodType, functools.partial))
    if not is_function and not _compat.is_tf_function(value):
        return False
    return (getattr(value, "__module__", None) or "").partition(".")[0] not in _LIBRARIES


def _parameters_of(function):
    """The names of the positional parameters that a call of the function fills."""
    function = _compat.python_function_of(getattr(function, "__wrapped__", function))
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return ()
    names = code.co_varnames[: code.co_argcount]
    return names[1:] if isinstance(function, types.MethodType) else names


def _unpacked(name, value):
    """The value itself, or the items of a list or dict of them."""
    if isinstance(value, _CONTAINERS):
        return [(f"{name}/{key}".strip("/"), item) for key, item in _items_of(value)]
    return [(name, value)]


def _parts_of(value):
    """Pairs of name and value inside a container or module."""
    if isinstance(value, _CONTAINERS):
        return _items_of(value)
    return list(getattr(value, "__dict__", {}).items())


def _items_of(container):
    if len(container) > _MOST_ITEMS:
        return []
    pairs = container.items() if isinstance(container, dict) else enumerate(container)
    return [(str(key), item) for key, item in pairs]
