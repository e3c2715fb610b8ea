"""`python -m benchmarks.attacks`: attack a server in 512 MiB, beside 200 honest requests a second."""

import argparse
import json

from benchmarks.attacks.attackers import ATTACKS, MISSED
from benchmarks.attacks.run import measure


def main() -> None:
    """Run the attacks and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=[*ATTACKS, *MISSED], help=", ".join([*ATTACKS, *MISSED]))
    parser.add_argument("--seconds", type=float, default=60, help="of each attack (default: 60)")
    parser.add_argument("--unvisited", action="store_true", help="let the attackers be the first to ask for the pages")
    parser.add_argument("--bare", action="store_true", help="attack a server that only answers, too: the limit")
    options = parser.parse_args()
    for kind in options.kinds:
        if options.bare:
            print(kind, "(bare)", json.dumps(measure(kind, options.seconds, bare=True)), flush=True)
        print(kind, json.dumps(measure(kind, options.seconds, visited=not options.unvisited)), flush=True)


main()
