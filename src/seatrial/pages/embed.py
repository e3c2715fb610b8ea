"""Shows a whole page in a notebook's output, apart from the notebook's own styles."""

from html import escape

HEIGHT = 640  # pixels


def embed(page: str) -> str:
    """Wrap an HTML page so that a notebook shows it in a frame."""
    style = f"width:100%;height:{HEIGHT}px;border:0"
    return f'<iframe srcdoc="{escape(page, quote=True)}" style="{style}"></iframe>'
