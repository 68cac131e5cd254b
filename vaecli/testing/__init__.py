"""The contract of remedies for authors of other packages, and what their tests are made of; needs no pytest.

from vaecli.testing import CHECKS, check_remedy, make_terms

check_remedy(SlowStart)  # or one test a check: @pytest.mark.parametrize("check", CHECKS)
"""

from vaecli.testing.contract import (
    CHECKS,
    check_pair,
    check_registration,
    check_remedy,
    trained,
)
from vaecli.testing.owed import ContractError
from vaecli.testing.tiny import clock, make_terms, tiny_batch, tiny_shape, tiny_split

__all__ = [
    "CHECKS",
    "ContractError",
    "check_pair",
    "check_registration",
    "check_remedy",
    "clock",
    "make_terms",
    "tiny_batch",
    "tiny_shape",
    "tiny_split",
    "trained",
]
