"""A two-by-two game with one payoff for both players, each cell measured sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vaecli.metrics.columns.mi import standard_error
from vaecli.remedies.core.game import CELLS, COLUMNS, ROWS, Cell, Cells, Game


def gains(cells: Cells) -> list[tuple[Cell, Cell, Tensor]]:
    """From each cell to each cell that one player alone can reach, and the (N,) payoff that the player wins by it."""
    deviations = []
    for row, column in CELLS:
        for other in ((_other(row, ROWS), column), (row, _other(column, COLUMNS))):
            deviations.append(((row, column), other, cells[other] - cells[row, column]))
    return deviations


def equilibria(cells: Cells) -> list[Cell]:
    """The cells that no player alone wins by leaving; at least the largest one is, the payoff being common."""
    moves = gains(cells)
    return [cell for cell in CELLS if all(float(gain.mean()) <= 0 for start, _, gain in moves if start == cell)]


def conclusion(game: Game) -> str:
    """One sentence on the equilibria, and on the cells of which two standard errors could make or unmake one."""
    cells = equilibria(game.cells)
    words = " and ".join(_name(cell, game.rows) + (" (collapse)" if cell == CELLS[0] else "") for cell in cells)
    kind = "equilibrium is" if len(cells) == 1 else "equilibria are"
    unsure = [_name(cell, game.rows) for cell in CELLS if _verdict(game.cells, cell) is None]
    rest = f"; the noise leaves open whether {' and '.join(unsure)} is one" if unsure else ""
    return f"the pure Nash {kind} {words}{rest}"


def _verdict(cells: Cells, cell: Cell) -> bool | None:
    """Whether a cell is an equilibrium, None where two standard errors on its moves could change it."""
    low, high = True, True
    for start, _, gain in gains(cells):
        if start == cell:
            error = standard_error(gain)
            reach = float("inf") if error is None else 2 * error
            low &= float(gain.mean()) <= -reach
            high &= float(gain.mean()) <= reach
    return high if high == low else None


def table_lines(game: Game) -> tuple[str, ...]:
    """The two-by-two table, each payoff with its standard error."""
    width = max(map(len, game.rows))
    lines = [f"{'':<{width}} {'q(z|x) = p(z)':>22} {'q(z|x) != p(z)':>22}"]
    for row, label in zip(ROWS, game.rows, strict=True):
        texts = [_text(game.cells[row, column]) for column in COLUMNS]
        lines.append(f"{label:<{width}} {texts[0]:>22} {texts[1]:>22}")
    return tuple(lines)


def _text(values: Tensor) -> str:
    error = standard_error(values)
    return f"{float(values.mean()):z.3f}" + ("" if error is None else f" +- {error:.3f}")


def table_record(cells: Cells) -> dict[str, dict[str, float | None]]:
    """The mean payoff and its standard error of each cell, for JSON."""
    return {
        f"{row}_{column}": {"payoff": float(values.mean()), "se": standard_error(values)}
        for (row, column), values in cells.items()
    }


def gain_record(start: Cell, end: Cell, gain: Tensor) -> dict[str, object]:
    """A move, what it gains on average and the standard error, paired by sentence, for JSON."""
    return {"from": list(start), "to": list(end), "gain": float(gain.mean()), "se": standard_error(gain)}


def _other(name: str, names: Sequence[str]) -> str:
    return names[1 - names.index(name)]


def _name(cell: Cell, rows: tuple[str, str]) -> str:
    column = "q(z|x) = p(z)" if cell[1] == "equal" else "q(z|x) != p(z)"
    return f"({rows[ROWS.index(cell[0])]}, {column})"
