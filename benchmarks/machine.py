"""What a run was measured on."""

import os
import platform
from importlib import import_module

_PACKAGES = ("tensorflow", "keras", "tf_keras", "tensorboard", "numpy", "wrapt", "gtlog")


def describe():
    """Dict of what the machine is and has, all of it JSON."""
    return {
        "processor": _processor(),
        "cores": _cores(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": _versions(),
    }


def load():
    """Mean number of processes that ran or waited in the last minute; None where nobody counts."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def available_bytes():
    """Memory that is free now; a guess of 4 GB where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            told = dict(line.split(":") for line in lines)
        return int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return 4 * 10**9


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].strip() if names else platform.processor() or platform.machine()


def _cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_gb():
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError):
        return None


def _versions():
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = import_module(name).__version__
        except (ImportError, AttributeError):
            continue
    return versions
