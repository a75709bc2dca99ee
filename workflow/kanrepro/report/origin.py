"""Reading documents that stages write beside records: what each is about, and that it is whole."""

from pathlib import Path
from typing import TypeVar

import pydantic

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.core.parts import read_as
from kanrepro.report.wording import short


class About(pydantic.BaseModel):
    """What a document is about; keys that are not needed are left alone."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)
    experiment: str
    preset: str


class Origin(About):
    """The trained encoder that a document is about."""

    dataset: str
    method: str
    reading: str
    seed: int

    @property
    def title(self) -> str:
        return f"{short(self.dataset)}, {self.reading}"


Document = TypeVar("Document", bound=About)


def read_document(path: Path, model: type[Document], experiment: str, preset: str) -> Document:
    """Read one document.

    Raises:
        UserError: it is missing, truncated, about something else, or of another preset.
    """
    content = read_json(path)
    about = content.get("experiment") if isinstance(content, dict) else None
    if about != experiment:
        raise UserError(f"{path} is about {about!r}, not {experiment!r}. Name other files.")
    found = read_as(model, path, "is not a whole document")
    check_preset(path, found.preset, preset)
    return found


def check_preset(path: Path, made_with: str, preset: str) -> None:
    """Raise a UserError for what another preset made."""
    if made_with != preset:
        raise UserError(f"{path} was made with preset {made_with!r}, not {preset!r}; do not mix presets.")
