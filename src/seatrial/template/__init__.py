"""From a table to a project: reads any source, examines it, makes and explains decisions, and generates the code.

A table comes in; decisions and the text of files come out. Only `write_data` writes a file, and only `choose_model`
trains. The order is `reading.source`, `inference.examination` (again, with the user's overrides),
`inference.model_choice`, `creation` (which writes the code by `codegen`, and the data); `records` is what they pass on.
Later exports of a table are read by `reading.rules`, which `creation` has written, and not examined again.
"""
