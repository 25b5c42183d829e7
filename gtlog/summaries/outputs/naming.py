"""The paths under which the outputs of layers are charted."""

from gtlog.variables import naming


def paths_of(layers, known_paths):
    """A path for each layer: where its variables have theirs, as `sequential/dense`.

    A layer without variables gets its own name, beside those of the layers that are called where it
    is called.

    Args:
      layers: List of `SeenLayer`.
      known_paths: Dict from the `id` of a variable to its path, of those that are logged.

    Returns:
      List of paths, all different.
    """
    own = [_of_variables(layer, known_paths) for layer in layers]
    folders = {}
    for layer, path in zip(layers, own):
        if path is not None:
            folders.setdefault(layer.enclosing[-1:], path.rpartition("/")[0])
    paths = []
    for layer, path in zip(layers, own):
        if path is None:
            path = f"{folders.get(layer.enclosing[-1:], '')}/{naming.own_path(layer.name)}"
        paths.append(naming.unique_path(path.strip("/"), set(paths)))
    return paths


def _of_variables(layer, known_paths):
    """The path of a layer by that of its first variable; None without variables."""
    for variable, name in zip(layer.variables, layer.names):
        path = known_paths.get(variable) or naming.own_path(name)
        parts = path.split("/")[:-1]
        if layer.name in parts:
            parts = parts[: len(parts) - parts[::-1].index(layer.name)]
        return "/".join(parts) or naming.own_path(layer.name)
    return None
