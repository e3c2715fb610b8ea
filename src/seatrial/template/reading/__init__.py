"""A source, read: what its columns hold, exactly or not at all; and the data file that a project gets of it."""
