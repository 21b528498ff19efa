"""What reading a file depends on, besides the file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from onport_queue.csv_settings import CsvSettings


@dataclass(frozen=True, slots=True)
class Rules:
    """How products are read.

    Attributes:
        keys: the fields that may key a product; a table's rows must have one.
        today: what a sale price with dates is compared with.
        csv: the settings of CSV files that are no shop's export.
    """

    keys: Sequence[str]
    today: date
    csv: CsvSettings = field(default_factory=CsvSettings)
