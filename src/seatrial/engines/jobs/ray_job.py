"""Predict the Parquet files in a folder with Ray. This file is yours: change it as you like.

seatrial bundle -o bundle
python -m zipfile -e bundle/site.zip job/site
cp ray_job.py job
ray job submit --working-dir job -- python ray_job.py INPUT OUTPUT --key COLUMN

INPUT and OUTPUT are folders, or URLs as s3://, that all nodes reach. OUTPUT is whole when it has _SUCCESS.
"""

import argparse
import sys
from pathlib import Path

PACKAGE = "MODEL_PACKAGE"


def main() -> int:
    """Run the job and return its exit code."""
    parser = argparse.ArgumentParser(description=f"Predict Parquet files with {PACKAGE}, in Ray.")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--key", action="append", required=True, help="a column that identifies a row; repeatable")
    parser.add_argument("--on-bad-rows", choices=("fail", "drop", "keep", "quarantine"), default="fail")
    parser.add_argument("--max-bad", type=float, help="fail above so many bad rows, or above this share below 1")
    parser.add_argument("--actors", type=int, help="processes that predict; default: all processors but one")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted job was")
    options = parser.parse_args()

    if (site := Path("site")).is_dir():  # otherwise the image has the release
        sys.path.insert(0, str(site.absolute()))
    from seatrial import Release
    from seatrial.core.errors import SeatrialError
    from seatrial.engines import ray

    try:
        done = ray.write_files(
            Release(PACKAGE),
            options.input,
            options.output,
            key=options.key,
            on_bad_rows=options.on_bad_rows,
            max_bad=options.max_bad,
            resume=options.resume,
            actors=options.actors,
        )
    except SeatrialError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return 1
    sys.stdout.write(f"{done.rows_in - done.bad} rows predicted, {done.bad} bad rows: {options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
