"""Reading history from files: candles of one series, checked before anybody uses them.

``read`` takes a file of any kind that ``formats`` knows; ``check`` applies the rules.
"""

from market.history.columns import Bars, FileProblem
from market.history.findings import Findings
from market.history.formats import Source, read
from market.history.validation import Checked, check

__all__ = ["Bars", "Checked", "FileProblem", "Findings", "Source", "check", "read"]
