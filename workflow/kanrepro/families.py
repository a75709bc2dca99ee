"""All families of experiments. A further one is a folder with a door, a rules file, and a line here."""

from kanrepro.core.family import Family
from kanrepro.images import door as images
from kanrepro.molecules import door as molecules
from kanrepro.studies import door as studies
from kanrepro.superpixels import door as superpixels
from kanrepro.tu import door as tu

FAMILIES: tuple[Family, ...] = (tu.FAMILY, molecules.FAMILY, superpixels.FAMILY, images.FAMILY, studies.FAMILY)
