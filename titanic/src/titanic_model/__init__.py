"""Would this passenger of the Titanic have survived?"""

from seatrial import Release

__version__ = "0.1.0"
__all__ = ["__version__", "main", "predict"]

release = Release(__name__)
predict = release.predict
main = release.main
