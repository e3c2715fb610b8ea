"""Proves a gate: injects faults into a release or its training data, and reports whether the trial catches each.

In: a wheel, its policy, and functions that train its recipe. Out: a GateProof, with blind spots and what closes them.
"""
