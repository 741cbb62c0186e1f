"""Holds the rules of peers.py against the peers' own code, on rows of a stream: at their cells' values.

    python peers_agree.py [--evidently path/to/python] [--nannyml path/to/python]

Each runs in an environment of its own (pip install evidently 'pandas<3'; pip install nannyml).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from peers import evidently, evidently_distance, nannyml, nannyml_distance
from streams import Stream
from worlds import stream

DAYS = 20
COLUMNS = 15
OWN = {"evidently": (evidently, evidently_distance), "nannyml": (nannyml, nannyml_distance)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for peer in OWN:
        parser.add_argument(f"--{peer}", default=os.environ.get(f"{peer.upper()}_PYTHON"))
    arguments = parser.parse_args()
    for peer in OWN:
        if python := getattr(arguments, peer):
            for rows in (2_000, 10):
                print(agreement(peer, python, stream("volatile", 1, columns=COLUMNS, days=DAYS, rows=rows)))


def agreement(peer: str, python: str, of: Stream) -> str:
    """How far the distances lie apart, and how often alarms differ, in words."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays = {"start": np.array(of.start), "dates": of.dates}
        for i, feature in enumerate(of.features):
            codes = feature.values if feature.is_numeric else np.r_[np.nan, np.arange(1, len(feature.values))]
            arrays |= {f"values_{i}": codes, f"days_{i}": feature.days}
        np.savez(folder / "counts.npz", allow_pickle=False, **arrays)
        (folder / "kinds.json").write_text(json.dumps([feature.kind for feature in of.features]))
        script = Path(__file__).resolve().parent / "peers_own.py"
        subprocess.run([python, str(script), peer, str(folder)], check=True)
        answer = json.loads((folder / f"{peer}.json").read_text())
    rule, distance = OWN[peer]
    theirs = np.array(answer["columns"], float)
    alarms = rule(of)[of.start :]
    differ = int((alarms != theirs[:, :, 1].T.astype(bool)).sum())
    rows = int(of.features[0].reference.sum())
    said = f"{peer} {answer['version']}, {rows:,} reference rows: {differ} of {alarms.size} alarms differ"
    if peer == "evidently" and rows <= 1_000:
        return f"{said}; theirs {theirs[:, :, 1].mean():.3f}, ours {alarms.mean():.3f} of the days"
    monitored = replace(of, features=tuple(replace(f, days=f.days[of.start :]) for f in of.features))
    gap = max(np.abs(distance(f) - theirs[i, :, 0]).max() for i, f in enumerate(monitored.features))
    return f"{said}; distances within {gap:.1e}"


if __name__ == "__main__":
    main()
