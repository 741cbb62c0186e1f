"""What a whole process costs, imports included."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Cost = dict[str, float]
"""cpu and wall seconds, peak_mb; of a task that counts its own loops, whatever it says besides."""


def cost(python: str | Path, script: Path, *arguments: object, limit: float = 1800) -> Cost | None:
    """Run a script that ends by saying what it has to say as JSON; None if it was killed or took longer than `limit`.

    CPU is that of the process and of all that it waited for. The peak is its own (VmHWM), as `ru_maxrss` begins at that
    of the process that started it.
    """
    command = [str(python), "-W", "ignore", str(script), *map(str, arguments)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        too_long = threading.Timer(limit, process.kill)
        too_long.start()
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        too_long.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return None
    found: Cost = json.loads(said.splitlines()[-1])
    return {"cpu": used.ru_utime + used.ru_stime, "wall": time.perf_counter() - began, **found}


def said(**besides: Any) -> None:
    """How a script ends."""
    print(json.dumps({"peak_mb": peak_mb(), **besides}))


def peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def in_turns(tasks: Mapping[str, Callable[[], Cost | None]], turns: int) -> dict[str, Cost | None]:
    """Medians of tasks that take turns, so that a machine that slows down slows all of them."""
    found: dict[str, list[Cost | None]] = {name: [] for name in tasks}
    for turn in range(turns):
        for name, task in tasks.items():
            found[name].append(task())
            print(f"  {turn + 1}/{turns} {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    return {name: median(costs) for name, costs in found.items()}


def median(costs: Sequence[Cost | None]) -> Cost | None:
    there = [one for one in costs if one is not None]
    if len(there) < len(costs):
        return None
    return {name: statistics.median(one[name] for one in there) for name in there[0]}
