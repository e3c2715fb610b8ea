"""The gate on trial: faults seeded into a release or its training data, and whether the trial catches each.

In: a wheel, its policy, and functions that train its recipe. Out: a Proof, with the weak spots and what closes them.
"""
