"""The report's figures: an evaluation in, drawings and tables with captions out; never whole pages."""
