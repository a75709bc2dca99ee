"""Reading YAML that somebody wrote by hand, or to harm: every fault is one line that names the file and the place.

Refused beyond what YAML refuses: a key that stands twice (the first would be lost without a word), aliases that hold
themselves or unfold to more than LARGEST values, and objects of Python. Messages never show other lines of the file.
"""

from pathlib import Path
from typing import Any

import yaml

from kanrepro.core.errors import UserError, shown

LARGEST = 100_000  # values, aliases written out
DIGITS = 300


def read_yaml(path: Path, maps: str = "keys to values, as in `preset: demo`") -> dict[str, Any]:
    """The mapping that a YAML file holds, empty for an empty file; `maps` says in messages of what to what.

    Raises:
        UserError: the file cannot be read, is not YAML, holds no mapping, or is refused as described above.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid YAML: byte {error.start} is not text in UTF-8.") from None
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}
        _Checked(path).size(node, "")
        content = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{path}{place} is not valid YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {str(error).splitlines()[0]}.") from None
    except (ValueError, OverflowError) as error:  # an impossible date
        raise UserError(f"{path} is not valid YAML: {error}.") from None
    except RecursionError:
        raise UserError(f"{path} is not valid YAML: it is nested too deeply.") from None
    finally:
        if loader:
            loader.dispose()
    if not isinstance(content, dict):
        raise UserError(f"{path} must map {maps}; it holds {shown(content)}.")
    return content


class _Checked:
    """Counts the values of a document with all aliases written out, and looks for what is refused."""

    def __init__(self, path: Path) -> None:
        self.path, self.sizes, self.open = path, dict[int, int](), set[int]()

    def size(self, node: yaml.Node, key: str) -> int:
        """The number of values in `node`, which stands at `key`."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and len(node.value) > DIGITS:
            raise self._fault(node, key, "is too long for a number")
        if id(node) in self.open:
            raise self._fault(node, key, "holds itself")
        if id(node) not in self.sizes:
            self.open.add(id(node))
            below: list[tuple[yaml.Node, str]] = []
            if isinstance(node, yaml.MappingNode):
                below = self._members(node, key)
            elif isinstance(node, yaml.SequenceNode):
                below = [(one, f"{key}.{i}" if key else str(i)) for i, one in enumerate(node.value)]
            self.sizes[id(node)] = 1 + sum(self.size(one, name) for one, name in below)
            self.open.remove(id(node))
        if self.sizes[id(node)] > LARGEST:
            raise self._fault(node, key, f"unfolds to more than {LARGEST:,} values")
        return self.sizes[id(node)]

    def _members(self, node: yaml.MappingNode, key: str) -> list[tuple[yaml.Node, str]]:
        found: dict[str, yaml.Node] = {}
        for name, value in node.value:
            inner = f"{key}.{name.value}" if key else str(name.value)
            if not isinstance(name, yaml.ScalarNode):
                raise self._fault(name, key, "has a key that is no single word")
            if name.value in found:
                raise self._fault(name, inner, "stands there twice; keep one")
            found[name.value] = value
        return [(value, f"{key}.{name}" if key else name) for name, value in found.items()]

    def _fault(self, node: yaml.Node, key: str, what: str) -> UserError:
        named = shown(key) if key else "the document"
        return UserError(f"{self.path}, line {node.start_mark.line + 1}: {named} {what}.")
