"""The chain behind the numbers of an image classifier."""

import pytest

from kanrepro import explain
from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.images.record import ImageRecord


def test_the_whole_chain_of_a_classifier(write_images, image_content, folder, capsys):
    write_images("scans", "deq_kan", [90.0, 91.0])
    write_images("scans", "deq_kan", [95.0], split="random")
    write_images("scans", "cnn", [88.0])
    results = folder.parent
    data = results.parent.parent / "resources" / "images" / "scans-8.safetensors"
    data.parent.mkdir(parents=True)
    data.write_text("data")
    changed = image_content("scans", "deq_kan", 0, 90.0)
    changed["data"]["sha256"] = sha256(data)
    path = folder / "images" / "scans" / "grouped" / "deq_kan-0.json"
    ImageRecord.model_validate(changed).write(path)

    explain.main(["images", "scans", "deq_kan", "--full", "--results", str(results)])
    text = capsys.readouterr().out
    assert text.startswith("images, scans, DEQ-KAN, repaired (deq_kan)\n\nsplit grouped: 2 runs\n")
    assert "split random: 1 run\n" in text and "cnn" not in text
    first, second, _ = text.split("  record ")[1:]
    assert first.startswith(str(path))
    assert "scores    accuracy 0.9000 (0.8900 to 0.9100)" in first
    assert "solver    8.0 steps, 100.0 % converged" in first
    assert f"{sha256(data)}, unchanged, 20 images" in first
    assert "weights   results/small/runs/images/scans/grouped/deq_kan/0/model.safetensors" in first
    assert "not here now, epoch 2 of 3" in first
    assert "settings  classify.training.epochs = 3" in first and "as above, but:" in second
    assert "classify 0123456789abcdef, DIFFERS from the code now" in first
    assert "12.5 s training, 2.5 s assessment, 512 MB at the peak" in first
    assert (
        f"--config preset=small --force results/small/runs/images/scans/grouped/deq_kan/0/model.safetensors {path}"
        in (first)
    )

    explain.main(["images-leaks", "scans", "cnn", "--split", "random", "--results", str(results)])
    assert "split random: not run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scans"], "name a model as well: cnn, vit"),
        (["scans", "deqkan"], "Did you mean 'deq_kan'?"),
        (["scan", "cnn"], "Did you mean 'scans'?"),
        (["scans", "cnn", "--split", "randm"], "Did you mean 'random'?"),
    ],
)
def test_mistakes_name_what_is_known(words, message, write_images, folder):
    write_images("scans", "cnn", [90.0])
    with pytest.raises(UserError) as error:
        explain.main(["images", *words, "--results", str(folder.parent)])
    assert message in str(error.value)


def test_without_records_there_is_nothing_to_explain(folder):
    with pytest.raises(UserError, match="run the workflow first"):
        explain.main(["images", "scans", "cnn", "--results", str(folder.parent)])
