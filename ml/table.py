"""placeholder until the real one lands"""
import numpy as np
def canonical_labels(s):
    return np.array([v.item() if hasattr(v,'item') else v for v in s],dtype=object)
def class_list(labels):
    return sorted(set(labels), key=lambda v:(type(v).__name__, v))
def check(frame, use_case): return []
