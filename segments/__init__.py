"""The closed language of segments: text ⇄ tree ⇄ a sentence in plain French, compiled to bound SQL (SEC-14).

Nothing here takes SQL from anyone, and a value typed by a person is never more than a bound parameter.
"""

from segments.check import check, understand
from segments.errors import SegmentError
from segments.explain import Explanation, Reason, explain
from segments.grammar import parse
from segments.reach import Reach, Sampled, reach, sample
from segments.saved import LibrarySegment, library
from segments.sentence import sentence
from segments.sql import condition
from segments.tree import Tree, segment_text
from segments.trial import Membership, SegmentTrial, membership, try_segment

__all__ = [
    "Explanation",
    "LibrarySegment",
    "Membership",
    "Reach",
    "Reason",
    "Sampled",
    "SegmentError",
    "SegmentTrial",
    "Tree",
    "check",
    "condition",
    "explain",
    "library",
    "membership",
    "parse",
    "reach",
    "sample",
    "segment_text",
    "sentence",
    "try_segment",
    "understand",
]
