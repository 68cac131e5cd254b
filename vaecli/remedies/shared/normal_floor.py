"""What remedies say whose floor of the KL is one against N(0, I), beside those that bring another prior."""

from __future__ import annotations

from vaecli.remedies.core.remedy import Part, Remedy


def floor_beside(remedy: Remedy, other: Remedy) -> str:
    """That the floor isn't one against the other's prior, in a sentence; empty where the prior is N(0, I).

    A learned prior can come to where the posteriors are: where these are equal, whatever their mean and variance, it
    meets them, and the KL is 0.
    """
    if Part.PRIOR not in other.owns:
        return ""
    told = f"the floor of {remedy.name!r} is one of the KL to N(0, I)"
    return f"{told}; the KL to the prior of {other.name!r} may fall below it"
