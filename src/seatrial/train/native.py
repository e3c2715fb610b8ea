"""Stores a fitted pipeline with skops, as the same bytes for the same pipeline."""

import io
import json
import re
import zipfile
from typing import Any


def dump_native(pipeline: Any) -> bytes:
    """Serialize a pipeline for the native engine.

    skops names its parts by memory address and adds timestamps; both are replaced, so that the same training gives the
    same file. The file contains no pickle: a method or type that skops does not trust is refused on loading.
    """
    from skops.io import dumps

    with zipfile.ZipFile(io.BytesIO(dumps(pipeline))) as archive:
        schema = archive.read("schema.json").decode()
        parts = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    order = list(dict.fromkeys(re.findall(r'"__id__": (\d+)|"file": "(\d+)\.', schema)))
    addresses = dict.fromkeys(first or second for first, second in order)
    number = {address: str(position) for position, address in enumerate(addresses, 1)}
    schema = re.sub(r'(?<="__id__": )\d+', lambda match: number[match[0]], schema)
    schema = re.sub(r'(?<="file": ")\d+', lambda match: number[match[0]], schema)
    renamed = {
        re.sub(r"^\d+", lambda match: number.get(match[0], match[0]), name): data for name, data in parts.items()
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted({**renamed, "schema.json": json.dumps(json.loads(schema)).encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
