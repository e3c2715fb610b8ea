"""Where Seatrial keeps what belongs to a machine and not to one project."""

import os
from pathlib import Path


def state_home() -> Path:
    """$SEATRIAL_HOME, else the user's folder for state."""
    home = os.environ.get("SEATRIAL_HOME")
    if home:
        return Path(home).absolute()
    import platformdirs

    return Path(platformdirs.user_state_dir("seatrial"))
