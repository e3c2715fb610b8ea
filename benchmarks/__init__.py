"""Speed claims, measured: each against the bare limit and a peer, side by side in one run; see README.md here."""
