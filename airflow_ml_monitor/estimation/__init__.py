"""Performance before all labels are known: what the ledger has seen → labels expected, and how sure.

Here: estimators, each with its assumption, a check whether it holds, and what came of it. Not here: formulas of
metrics (they are given the expected labels), limits (policy), reading and writing (monitor). No label-free estimate can
see concept drift: where only the relation of inputs and label changes, scores alone tell nothing.
"""
