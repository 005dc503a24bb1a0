"""The catalogue of faults: one YAML file each, read strictly.

    for fault in faults().values(): ...
    fault = find_fault("cart-killed")          # suggests the nearest name if there is none
    problem = fault.problem_with(shop_stores)  # why it cannot be used there, in one sentence

A file describes its fault completely, for people and for programs; `catalogue_schema()` is the
JSON Schema of all of them.
"""

from cartwheel.chaos.catalogue.fault import Fault, Hold, Needs, ProbeName, Symptom
from cartwheel.chaos.catalogue.reader import (
    catalogue_schema,
    fault_as_json,
    faults,
    find_fault,
    read_fault,
)

__all__ = [
    "Fault",
    "Hold",
    "Needs",
    "ProbeName",
    "Symptom",
    "catalogue_schema",
    "fault_as_json",
    "faults",
    "find_fault",
    "read_fault",
]
