"""Would this passenger of the Titanic have survived?"""

from functools import partial

from seatrial import Release
from seatrial.model import console

__version__ = "0.1.0"
__all__ = ["__version__", "main", "predict"]

release = Release(__name__)
predict = release.predict
main = partial(console.main, release)
