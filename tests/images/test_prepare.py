"""From an archive of images to a verified set; real sets where the mirror has them."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_worlds import encoded, image_entry, noise, tarred
from PIL import Image

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.images import catalog as image_catalog
from kanrepro.images.catalog import GroupFile, ImageCounts, ImageMirror
from kanrepro.images.decode import Excluded, decode
from kanrepro.images.describe import describe
from kanrepro.images.groups import read_groups
from kanrepro.images.prepare import counts, main, prepare
from kanrepro.images.store import ImageSet

PETS = {
    "set/train/dogs/b_1.png": encoded(noise(1)),
    "set/train/cats/a_2.png": encoded(noise(2)),
    "set/test/cats/a_1.bmp": encoded(noise(2), "BMP"),  # the same pixels in another file
    "set/val/dogs/c_1.png": encoded(noise(3)),
    "set/train/cats/z.png": encoded(noise(4)),
}
TRAINED = {"test_folders": ["test/*"], "group": r"/(?P<group>[a-z])_\d[^/]*$"}


def saved(tmp_path: Path, files: dict[str, bytes] | None = None, size: int = 4, **fields: Any) -> ImageSet:
    archive = tarred(tmp_path / "pets.tar", PETS if files is None else files)
    prepare(image_entry(**fields), archive, size, tmp_path / "out" / "pets.safetensors")
    return ImageSet.load(tmp_path / "out" / "pets.safetensors")


def test_a_tiny_set_is_exactly_this(tmp_path: Path) -> None:
    made = saved(tmp_path, **TRAINED)
    assert made.meta["names"] == sorted(PETS)
    assert [made.classes[i] for i in made.y.tolist()] == ["cat", "cat", "cat", "dog", "dog"]
    assert made.group.tolist() == [0, 0, 1, 2, 3]  # a, a, z alone, b, c
    assert made.content.tolist() == [0, 0, 1, 2, 3]
    assert made.source_split.tolist() == [1, 0, 0, 0, 0]  # the validation folder counts as training
    assert made.pixels.shape == (5, 1, 4, 4)
    for name, pixels in zip(made.meta["names"], made.pixels, strict=True):
        seed = {"b_1.png": 1, "a_2.png": 2, "a_1.bmp": 2, "c_1.png": 3, "z.png": 4}[name.rsplit("/", 1)[1]]
        squashed = noise(seed).resize((4, 4), Image.Resampling.BILINEAR)
        assert torch.equal(pixels[0], torch.from_numpy(np.array(squashed)))
    assert made.meta["counts"] == {"cat": 3, "dog": 2} and made.meta["grouped"] == 4
    assert made.meta["source_sha256"] == sha256(tmp_path / "pets.tar")
    assert counts(made) == {"classes": {"cat": 3, "dog": 2}, "test": {"cat": 1, "dog": 0}, "groups": 3}


def test_the_order_of_the_archive_and_its_form_change_nothing(tmp_path: Path) -> None:
    first = saved(tmp_path, **TRAINED)
    again = saved(tmp_path, dict(reversed(PETS.items())), **TRAINED)
    for name in PETS:
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(PETS[name])
    folder = prepare(image_entry(**TRAINED), tmp_path / "folder", 4, tmp_path / "folder.safetensors")
    for name in ("pixels", "y", "group", "content", "source_split"):
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert torch.equal(getattr(first, name), getattr(folder, name))


def test_without_test_folders_and_groups_each_image_stands_alone(tmp_path: Path) -> None:
    made = saved(tmp_path)
    assert made.source_split.tolist() == [-1] * 5
    assert made.group.tolist() == [0, 1, 2, 3, 4] and made.meta["grouped"] == 0


def test_colours_come_out_in_their_channels(tmp_path: Path) -> None:
    colour = Image.new("RGB", (6, 9), (250, 20, 3))
    made = saved(tmp_path, {"cats/a.png": encoded(colour), "dogs/b.png": encoded(noise(1))}, channels=3)
    assert made.pixels.shape == (2, 3, 4, 4)
    assert [made.pixels[0, c].unique().tolist() for c in range(3)] == [[250], [20], [3]]
    assert torch.equal(made.pixels[1, 0], made.pixels[1, 2])  # grey stays grey


@pytest.mark.parametrize("size", [4, 12, 30])
def test_squashing_keeps_a_constant_and_the_mean(size: int) -> None:
    flat, _ = decode(encoded(Image.new("L", (12, 10), 77)), 1, size, 1e6)
    assert flat.shape == (size, size) and np.unique(flat).tolist() == [77]
    pixels, _ = decode(encoded(noise(5, 48, 48)), 1, size, 1e6)
    assert abs(pixels.mean() - np.asarray(noise(5, 48, 48)).mean()) < 4  # antialiased: every pixel takes part


def test_an_image_of_the_right_size_is_not_touched() -> None:
    pixels, digest = decode(encoded(noise(6, 8, 8)), 1, 8, 1e6)
    assert np.array_equal(pixels, np.asarray(noise(6, 8, 8)))
    assert digest == hashlib.sha256(b"(8, 8)" + noise(6, 8, 8).tobytes()).digest()


def test_content_is_what_is_seen_in_the_set_s_own_channels() -> None:
    grey, colour = noise(7), noise(7).convert("RGB")
    assert decode(encoded(grey), 1, 4, 1e6)[1] == decode(encoded(colour), 1, 4, 1e6)[1]
    turned = grey.resize((10, 12))  # as many pixels, another shape
    assert decode(encoded(turned), 1, 4, 1e6)[1] != decode(encoded(grey), 1, 4, 1e6)[1]
    flat = [Image.new("L", size, 9) for size in ((6, 4), (4, 6))]  # the same bytes in another shape
    assert len({decode(encoded(image), 1, 4, 1e6)[1] for image in flat}) == 2


def broken_png() -> bytes:
    data = bytearray(encoded(noise(8, 40, 40)))
    data[data.index(b"IDAT") + 30] ^= 0xFF
    return bytes(data)


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60,000 x 60,000 pixels."""
    data = bytearray(encoded(Image.new("L", (1, 1))))
    start = data.index(b"IHDR")
    data[start + 4 : start + 12] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[start + 17 : start + 21] = zlib.crc32(bytes(data[start : start + 17])).to_bytes(4, "big")
    return bytes(data)


def animated() -> bytes:
    import io

    stream = io.BytesIO()
    noise(1).save(stream, "TIFF", save_all=True, append_images=[noise(2)])
    return stream.getvalue()


FAULTS = {
    "text": (b"no image", "not an image"),
    "empty": (b"", "not an image"),
    "cut": (encoded(noise(9, 60, 60), "JPEG")[:1500], "truncated"),
    "cut png": (encoded(noise(9, 60, 60))[:1500], "truncated"),
    "flipped": (broken_png(), "damaged"),
    "bomb": (bomb(), "million"),
    "large": (encoded(Image.new("L", (400, 300))), "400 x 300 pixels, more than 0.1 million"),
    "frames": (animated(), "2 frames, not one"),
    "16 bits": (encoded(Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16))), "not 8 bits a channel"),
    "gif": (encoded(noise(1), "GIF"), "not an image"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_used_says_why(fault: str) -> None:
    data, reason = FAULTS[fault]
    with pytest.raises(Excluded, match=reason):
        decode(data, 1, 4, 1e5)


def test_exclusions_are_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = {f"cats/{name}.png": data for name, (data, _) in FAULTS.items()}
    made = saved(tmp_path, {**PETS, **bad}, max_megapixels=0.1)
    assert len(made) == 5
    assert [left_out["file"] for left_out in made.meta["excluded"]] == sorted(bad)
    for left_out in made.meta["excluded"]:
        assert FAULTS[left_out["file"][5:-4]][1] in left_out["reason"]
        assert f"left out {left_out['file']}" in caplog.text
    assert describe(made)["excluded"]["files"] == len(FAULTS)


def test_what_systems_leave_beside_files_and_other_classes_are_passed_over(tmp_path: Path) -> None:
    more = {"set/train/cats/.DS_Store": b"x", "__MACOSX/set/train/cats/a.png": b"x", "set/birds/1.png": b"x"}
    copies = {f"copy/set/train/cats/{name.rsplit('/', 1)[1]}": data for name, data in PETS.items()}
    made = saved(tmp_path, {**PETS, **more, **copies}, skip_folders=["copy/set/*/*"])
    assert len(made) == 5 and made.meta["excluded"] == []


def test_a_link_is_an_exclusion(tmp_path: Path) -> None:
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    (tmp_path / "pets" / "cats" / "a.png").write_bytes(encoded(noise(1)))
    (tmp_path / "pets" / "cats" / "b.png").symlink_to(tmp_path / "pets" / "cats" / "a.png")
    made = prepare(image_entry(), tmp_path / "pets", 4, tmp_path / "pets.safetensors")
    assert len(made) == 1 and "a link" in made.meta["excluded"][0]["reason"]


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (ImageCounts(classes={"cat": 4, "dog": 1}), "cat: expected 4, found 3; dog: expected 1, found 2"),
        (ImageCounts(classes={"cat": 3, "dog": 2}, test={"cat": 2}), "test cat: expected 2, found 1"),
        (ImageCounts(classes={"cat": 3, "dog": 2}, groups=5), "groups: expected 5, found 3"),
    ],
)
def test_a_wrong_count_stops_with_both_numbers_and_writes_nothing(
    tmp_path: Path, expected: ImageCounts, says: str
) -> None:
    with pytest.raises(UserError) as caught:
        saved(tmp_path, expected=expected, **TRAINED)
    assert f"does not hold the PETS of the catalogue ({says})" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_wrong_count_names_what_was_left_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cat: expected 4, found 3.* 1 files were left out, first cats/x.png: not an"):
        saved(tmp_path, {**PETS, "cats/x.png": b"x"}, expected=ImageCounts(classes={"cat": 4, "dog": 2}))


def test_a_copy_with_fewer_images_has_counts_of_its_own(tmp_path: Path) -> None:
    whole, part = ImageCounts(classes={"cat": 30, "dog": 20}), ImageCounts(classes={"cat": 3, "dog": 2})
    digest = sha256(tarred(tmp_path / "pets.tar", PETS))
    assert len(saved(tmp_path, expected=whole, mirror=ImageMirror(path="x", sha256=digest, expected=part))) == 5
    with pytest.raises(UserError, match="cat: expected 30, found 3"):
        saved(tmp_path, expected=whole, mirror=ImageMirror(path="x", sha256="0" * 64, expected=part))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"birds/a.png": encoded(noise(1))},
            r"holds no image in the folders cats, dogs .*\(no file is there\).*'birds'",
        ),
        ({"cats/a.txt": b"x"}, r"holds no image .*\(1 files there were left out, first .*not an image"),
        ({}, r"holds no image .* Its folders with files: none"),
    ],
)
def test_no_images_at_all(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(UserError, match=says):
        saved(tmp_path, files)


def test_an_image_of_two_classes_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train/cats/a_2.png is of the classes cat and dog"):
        saved(
            tmp_path,
            {"set/train/cats/a_2.png": PETS["set/train/cats/a_2.png"]},
            classes={"cat": ["cats"], "dog": ["*"]},
        )


def test_a_pattern_that_fits_no_name_is_refused_and_one_that_fits_some_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UserError, match=r"the pattern 'patient\(.*' \(`group`\) matches none of the images"):
        saved(tmp_path, group=r"patient(?P<group>\d+)")
    saved(tmp_path, **TRAINED)
    assert "nothing tells what 1 images belong to, for instance set/train/cats/z.png" in caplog.text


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("within", [True, False])
def test_groups_from_a_file(tmp_path: Path, packed: bool, within: bool) -> None:
    rows = (
        "n,label,file,tile\n1,cats,a_2.png,7\n2,cats,z.png,7\n3,dogs,b_1.png,7\n4,dogs,c_1.png,8\n5,dogs,gone.png,9\n"
    )
    table = tmp_path / "groups"
    table.write_bytes(gzip.compress(rows.encode()) if packed else rows.encode())
    groups = GroupFile(folder=["class", "label"], image=["file"], group=["tile"], within_folder=within)
    entry = image_entry(groups=groups)
    made = prepare(entry, tarred(tmp_path / "a.tar", PETS), 4, tmp_path / "a.safetensors", table)
    # in the order of names: cats/a_1.bmp (not in the table), cats/a_2, cats/z, dogs/b_1, dogs/c_1
    assert made.group.tolist() == ([0, 1, 1, 2, 3] if within else [0, 1, 1, 1, 2])
    assert counts(made)["groups"] == (3 if within else 2) and made.meta["groups_sha256"] == sha256(table)
    with pytest.raises(UserError, match="--groups is needed for PETS"):
        prepare(entry, tmp_path / "a.tar", 4, tmp_path / "a.safetensors")


def test_a_file_of_groups_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"x has no column folder; its columns are a, b"):
        read_groups(tmp_path / "x", GroupFile())
    (tmp_path / "y").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(UserError, match="y is not a CSV file"):
        read_groups(tmp_path / "y", GroupFile())
    with pytest.raises(UserError, match="z does not exist"):
        read_groups(tmp_path / "z", GroupFile())


def test_the_command_line_takes_an_own_folder(tmp_path: Path) -> None:
    for name, data in PETS.items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(data)
    (tmp_path / "own.yaml").write_text("PETS: {address: pets, channels: 1, classes: {cat: [cats], dog: [dogs]}}")
    given = ["--dataset", "PETS", "--catalog", str(tmp_path / "own.yaml"), "--archive", str(tmp_path / "pets")]
    main([*given, "--size", "16", "--output", str(tmp_path / "pets-16.safetensors")])
    assert ImageSet.load(tmp_path / "pets-16.safetensors").pixels.shape == (5, 1, 16, 16)
    with pytest.raises(SystemExit):
        main([*given, "--size", "2", "--output", "x"])
    with pytest.raises(UserError, match="--archive is needed for brain-mri"):
        main(["--dataset", "brain-mri", "--size", "16", "--output", "x"])


@pytest.mark.parametrize("name", ["digits", "digits-odd"])
def test_the_demo_sets(tmp_path: Path, name: str) -> None:
    entry = image_catalog.entry(name)
    made = prepare(entry, None, 8, tmp_path / "digits.safetensors")
    assert len(made) == 1797 and made.meta["demo"]
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    where = [int(file.rsplit("/", 1)[1][:4]) for file in made.meta["names"]]
    shades = np.rint(loaded.images[where] * 255 / 16)
    assert np.array_equal(made.pixels[:, 0].numpy(), shades)
    target = loaded.target[where]
    assert np.array_equal(made.y.numpy(), target if name == "digits" else target % 2)


REAL = [
    pytest.param("chest-xray", marks=pytest.mark.slow),
    "brain-mri",
    pytest.param("lc25000-lung", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", REAL)
def test_real_sets_show_the_counts_of_the_catalogue(mirror: Path, tmp_path: Path, name: str) -> None:
    entry = image_catalog.entry(name)
    assert entry.mirror
    groups = mirror / entry.groups.mirror.path if entry.groups and entry.groups.mirror else None
    made = prepare(entry, mirror / entry.mirror.path, 32, tmp_path / "store.safetensors", groups)
    told = describe(made)
    if name == "brain-mri":  # MANIFEST.json
        assert told["own_test"]["leaked"] == {
            "no_tumor": 105, "glioma_tumor": 18, "meningioma_tumor": 106, "pituitary_tumor": 22
        }  # fmt: skip
        assert told["pictures"] == {"distinct": 2870, "copies": 394, "with_two_classes": 0}
    elif name == "chest-xray":
        assert sum(told["own_test"]["leaked"].values()) == 0 and told["groups"]["distinct"] == 4082
    else:
        assert told["groups"] == {"told": 3950, "distinct": 740, "largest": 8}
