"""The last logged step of a run as a table: one line for each variable."""

_LINE = "  {path:<{width}}  {weight:>11}  {gradient:>13}  {update:>12}  {nonfinite:>10}"
_PREFIX = "weight_norm/"


def table(events):
    """Lines of text with each variable's norms at the last logged step.

    Args:
      events: `gtlog.testing.Events` of one run, logged with `scalars(per_variable=True)`.
    """
    last_step = events[-1].step
    last = {one.tag: one.value for one in events if one.step == last_step and one.kind == "scalar"}
    paths = [tag[len(_PREFIX) :] for tag in last if tag.startswith(_PREFIX)]
    width = max(len(path) for path in paths)
    heading = _LINE.format(
        path=f"step {last_step}",
        width=width,
        weight="weight norm",
        gradient="gradient norm",
        update="update ratio",
        nonfinite="non-finite",
    )
    return [heading] + [_line(path, width, last) for path in paths]


def _line(path, width, last):
    return _LINE.format(
        path=path,
        width=width,
        weight=f"{last[_PREFIX + path]:.3f}",
        gradient=f"{last['gradient_norm/' + path]:.2e}",
        update=f"{last['update_ratio/' + path]:.2e}",
        nonfinite=f"{last.get('nonfinite/' + path, 0):.0f}",
    )
