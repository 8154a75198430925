"""What this ran on."""

import datetime
import os
import platform
import subprocess

import numpy


def describe(tools):
    """Lines for below the table."""
    version = subprocess.run([tools.ferry, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    commit = run("git", "rev-parse", "--short=12", "HEAD")
    dirty = " and changes" if run("git", "status", "--porcelain", "--untracked-files=no") else ""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return [
        f"{datetime.date.today()}, {version} at {commit}{dirty}",
        f"{cpu()}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, {platform.system()} {platform.release()}",
        f"NumPy {numpy.__version__}, Python {platform.python_version()}, {run('rustc', '--version')}",
    ]


def load():
    """How many others want the processors, by the mean of the last minute."""
    return os.getloadavg()[0]


def cpu():
    try:
        with open("/proc/cpuinfo") as file:
            facts = dict(map(str.strip, row.split(":", 1)) for row in file if ":" in row)
    except OSError:
        return platform.processor() or platform.machine()
    family = f"family {facts['cpu family']} model {facts['model']}" if "cpu family" in facts else platform.machine()
    return f"{facts.get('model name', platform.machine())} ({family})"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()
