"""Where the stack keeps its files on one machine."""

from pathlib import Path

_CHECKOUT_MARK = "workspace.yaml"


def checkout_root() -> Path | None:
    """The repository's root when this package runs from a checkout, else None."""
    for folder in Path(__file__).resolve().parents:
        if (folder / _CHECKOUT_MARK).is_file() and (folder / "code_locations").is_dir():
            return folder
    return None


def default_home() -> Path:
    """`.stack` in the checkout, or in the working directory of an installed stack."""
    return (checkout_root() or Path.cwd()) / ".stack"


def env_files() -> tuple[Path, ...]:
    """The `.env` files that settings read, least specific first."""
    root = checkout_root()
    candidates = [root / ".env"] if root else []
    candidates.append(Path.cwd() / ".env")
    return tuple(dict.fromkeys(candidates))
