"""`python -m seatrial.serve PACKAGE`: serve an installed release. A container needs nothing else."""

import sys

from seatrial.core.interrupts import end_at_interrupt

if __name__ == "__main__":  # not in a worker process, which loads this file too
    end_at_interrupt(0)  # before anything else is loaded, which takes a second
    from seatrial.serve.command import main

    sys.exit(main())
