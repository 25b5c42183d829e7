"""The page: all layers against all steps, with what the diagnosis finds, behind several doors.

One source serves every door: the report (`gtlog report`), a tab in TensorBoard, a frame in a
notebook. What a door needs:

    page_files()                    {name: (content type, bytes)}: `index.html` and what it names
    page_bytes(runs, most_bytes)    the data of one or more runs, gzip
    details_bytes(run, path)        histograms and pictures of one variable, gzip
    report_html(runs)               the page with its data inside, one file

Where the page finds an element `<script type="application/octet-stream;base64" id="gtlog-data">`,
it takes the data from it. Else it asks the server that it came from, by addresses beside its own:

    runs                            JSON: [{"name": "train", "mark": "12 steps", "alarms": 1}, ...];
                                    the page asks for a run again when its mark has changed; alarms
                                    may be left out
    data?run=train                  page_bytes of this run alone
    details?run=train&variable=a/b  details_bytes of a variable, by its path in the data of the run;
                                    asked for where the run was given without details

A run may be a log directory, a `gtlog.Run`, a `VitalsTable`, or a `ShownRun(name, table, findings,
notes, details)`, which a door makes that has its numbers from elsewhere. Dark mode is that of the
system, of a class `dark` or `light` of the root element, or of TensorBoard around the page.
Neither TensorFlow nor TensorBoard is needed.
"""

import typing

from gtlog import lazy

if typing.TYPE_CHECKING:
    from gtlog.looking.page_data.fitting import details_bytes, page_bytes
    from gtlog.looking.report import report_html
    from gtlog.looking.shown import ShownRun, shown_run
    from gtlog.looking.static_files import page_files

__all__ = ["ShownRun", "details_bytes", "page_bytes", "page_files", "report_html", "shown_run"]

# Imported when first asked for: the help of the command needs none of them, nor numpy.
__getattr__, __dir__ = lazy.names(
    __name__,
    {
        "ShownRun": "gtlog.looking.shown",
        "details_bytes": "gtlog.looking.page_data.fitting",
        "page_bytes": "gtlog.looking.page_data.fitting",
        "page_files": "gtlog.looking.static_files",
        "report_html": "gtlog.looking.report",
        "shown_run": "gtlog.looking.shown",
    },
)
