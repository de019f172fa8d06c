#!/usr/bin/env python3
"""Times the reading of a CSV file of a million rows beside pandas (which has to be installed).

    cargo build --release
    python3 bench/rows.py --rows 1000000 --repeats 5

`defrost check` reads the file, finds what its columns hold, encodes all rows, and looks for duplicates and leaks; its trace says
when the rows were read. pandas reads the file with `read_csv`. Each is a process of its own, in turn; the medians are printed.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PANDAS = "import pandas, sys; frame = pandas.read_csv(sys.argv[1], parse_dates=['day']); assert len(frame) == int(sys.argv[2])"


def write(path, rows):
    draw = random.Random(1)
    with path.open("w") as file:
        file.write("age,pay,city,day,score,label\n")
        for row in range(rows):
            day = f"20{draw.randrange(10, 25)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
            city = draw.choice(["Berlin", "Paris", "Rome", "Oslo"])
            numbers = f"{draw.randrange(18, 90)},{draw.random() * 1e5:.2f}"
            file.write(f"{numbers},{city},{day},{draw.random():.6f},{draw.choice('ab')}\n")


def seconds(*words):
    begin = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "RUST_LOG": "defrost=debug"})
    took = time.perf_counter() - begin
    assert done.returncode == 0, done.stderr
    return took, done.stderr


def read_after(trace):
    """Seconds from the start of the process until the rows were read."""
    line = next(line for line in trace.splitlines() if "file of rows read" in line)
    return float(line.split()[0].rstrip("s"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--binary", default="target/release/defrost")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, given.rows)
        check = [given.binary, "check", str(path), "--task", "table", "--label-column", "label"]
        pandas = [sys.executable, "-c", PANDAS, str(path), str(given.rows)]
        times = []
        for _ in range(given.repeats):
            ours, trace = seconds(*check)
            times.append((read_after(trace), ours, seconds(*pandas)[0]))
        read, ours, theirs = (statistics.median(column) for column in zip(*times))
        print(f"defrost: rows read {read:.2f} s, check {ours:.2f} s; pandas {theirs:.2f} s")


if __name__ == "__main__":
    main()
