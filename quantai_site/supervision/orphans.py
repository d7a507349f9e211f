"""No process stays behind: adopting, reaping and ending what lost its parent."""

import ctypes
import os
import resource
import signal
import sys

import psutil

PR_SET_CHILD_SUBREAPER = 36
FILES = 65_536


def adopt() -> None:
    """Become the parent of processes whose parent dies below us (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def allow_many_files() -> None:
    """Sockets of many browsers and streams: raise the soft limit as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def reap(*, but: int) -> None:
    """Collect ended processes that we adopted; ``but`` has a waiter of its own."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == but:
            return
        os.waitpid(ended.si_pid, 0)


def descendants() -> list[psutil.Process]:
    """All processes below this one."""
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def end(processes: list[psutil.Process], seconds: float) -> int:
    """Terminate, then kill; return how many had to be killed."""
    _signal(processes, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    _signal(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=1)
    return len(alive)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
