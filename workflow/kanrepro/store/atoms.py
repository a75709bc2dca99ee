"""The small integers of molecule graphs beyond what SMILES give: sizes of embedding tables, tokens (Hu et al., 2020).

Node fields are (atom, chirality), edge fields (bond, direction): `kanrepro.molecules.graph` says what they mean.
"""

ATOMS = 120  # atomic number - 1 goes to 117; 119 stands for a masked atom
CHIRALITIES = 4  # Hu et al. have 3: chirality 3, "other", would read past their table
BONDS = 6  # 0 to 3 are bonds, then:
SELF_LOOP = 4
MASKED_BOND = 5
DIRECTIONS = 3
MASKED_ATOM = 119
ATOM_TYPES = 119  # classes that attribute masking tells apart
MASK = (MASKED_ATOM, 0)  # node fields of a masked atom
