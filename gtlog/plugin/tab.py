"""The tab: what it answers to the browser."""

import collections
import functools
import json
import pkgutil
import threading

from tensorboard import errors, plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from gtlog.looking import details_bytes, page_bytes, page_files
from gtlog.plugin import MOST_SAMPLES, NAME
from gtlog.plugin.runs import Source

_TEXT, _BYTES = "text/plain", "application/octet-stream"
# How much is kept in case it is asked for again: the data of runs, and numbers of alarms.
_MOST_DATA, _MOST_ALARMS = 4, 1000


class Tab(base_plugin.TBPlugin):
    """The plugin `gtlog`.

    It reads through TensorBoard's data provider alone: with the fast loader there is nothing else.

    Args:
      context: TensorBoard's `TBContext`.
    """

    plugin_name = NAME

    def __init__(self, context):
        self._provider = context.data_provider
        hints = context.sampling_hints or {}
        self._samples = hints.get(NAME, MOST_SAMPLES)
        self._made_data, self._made_alarms = _Kept(_MOST_DATA), _Kept(_MOST_ALARMS)
        script = pkgutil.get_data("gtlog.plugin", "index.js")
        self._files = {**page_files(), "index.js": ("text/javascript; charset=utf-8", script)}

    def get_plugin_apps(self):
        """What answers each address: the files of the page, and no other, and its data."""
        apps = {f"/{name}": _serving(*file) for name, file in self._files.items()}
        apps.update({"/runs": self._runs, "/data": self._data, "/details": self._details})
        return {address: _guarded(answer) for address, answer in apps.items()}

    def is_active(self):
        """False: TensorBoard sees by itself whether there is data of this plugin's."""
        return False

    def frontend_metadata(self):
        """How the tab is called, and where its script is."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name=NAME)

    def _runs(self, request):
        source = self._source(request)
        runs = []
        for name, mark in source.marks().items():
            key = (source.experiment, name, mark)
            alarms = self._made_alarms.get(key, functools.partial(source.alarms, name))
            runs.append({"name": name, "mark": mark, "alarms": alarms})
        return http_util.Respond(request, json.dumps(runs), "application/json")

    def _data(self, request):
        source, run = self._source(request), request.args.get("run", "")
        marks = source.marks()
        if run not in marks:
            return _missing(request, run)
        key = (source.experiment, run, marks[run])
        data = self._made_data.get(key, lambda: page_bytes(source.shown(run)))
        return http_util.Respond(request, data, _BYTES, content_encoding="gzip")

    def _details(self, request):
        source, run = self._source(request), request.args.get("run", "")
        if run not in source.marks():
            return _missing(request, run)
        shown = source.details(run, request.args.get("variable", ""))
        data = details_bytes(shown, request.args.get("variable", ""))
        return http_util.Respond(request, data, _BYTES, content_encoding="gzip")

    def _source(self, request):
        return Source(
            self._provider,
            plugin_util.context(request.environ),
            plugin_util.experiment_id(request.environ),
            self._samples,
        )


class _Kept:
    """What was made last: the browser asks for it again and again.

    Args:
      most: How many things are kept.
    """

    def __init__(self, most):
        self._most = most
        self._things = collections.OrderedDict()
        self._lock = threading.Lock()  # TensorBoard answers in several threads

    def get(self, key, make):
        """What was made for a key before, or is made now."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
        thing = make()
        with self._lock:
            self._things[key] = thing
            while len(self._things) > self._most:
                self._things.popitem(last=False)
        return thing


def _serving(content_type, content):
    return lambda request: http_util.Respond(request, content, content_type)


def _guarded(answer):
    """An answer that says in the page why it failed."""

    @wrappers.Request.application
    def application(request):
        try:
            return answer(request)
        except errors.PublicError:  # TensorBoard has an answer of its own
            raise
        except Exception as error:
            text = f"gtlog cannot show this: {type(error).__name__}: {error}"
            return http_util.Respond(request, text, _TEXT, code=500)

    return application


def _missing(request, run):
    text = f"There is no run {run!r} with tables of gtlog's."
    return http_util.Respond(request, text, _TEXT, code=404)
