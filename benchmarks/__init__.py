"""Measures the speed claims: each against the bare limit and a peer, side by side in one run. See README.md here."""
