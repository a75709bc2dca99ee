"""Reading documents about a trained encoder: which one they are about, and that they are whole."""

from pathlib import Path
from typing import TypeVar

import pydantic

from kanrepro.core.errors import UserError, foreign
from kanrepro.core.files import read_json
from kanrepro.report.wording import short


class Origin(pydantic.BaseModel):
    """What a document is about; keys that are not needed are left alone."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)
    experiment: str
    dataset: str
    method: str
    reading: str
    seed: int
    preset: str

    @property
    def title(self) -> str:
        return f"{short(self.dataset)}, {self.reading}"


Document = TypeVar("Document", bound=Origin)


def read_document(path: Path, model: type[Document], experiment: str, preset: str) -> Document:
    """Read one document.

    Raises:
        UserError: it is missing, truncated, about something else, or of another preset.
    """
    content = read_json(path)
    about = content.get("experiment") if isinstance(content, dict) else None
    if about != experiment:
        raise UserError(f"{path} is about {about!r}, not {experiment!r}. Name other files.")
    try:
        found = model.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise foreign(path, f"is not a whole document: {where}: {first['msg']}") from error
    if found.preset != preset:
        raise UserError(f"{path} was made with preset {found.preset!r}, not {preset!r}; do not mix presets.")
    return found
