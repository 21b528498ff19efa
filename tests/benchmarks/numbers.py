"""How figures are written, in tables and plots."""


def number(value: float | None) -> str:
    """Return a value with three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
