"""Make a model directory of emotion2vec+'s shape with random weights, to test loading and speed.

    python scripts/make_random_emotion2vec.py DIR [--config-dir DIR2] [--tiny] [--seed N]

The scores of such a model mean nothing. Everything else is as with the published weights: FunASR
loads it, it has as many parameters, and it takes as long. `--config-dir` takes config.yaml,
configuration.json and tokens.txt from a published model; without it they are written from the
architecture as the paper and FunASR's code describe it. `--tiny` makes a small one for quick tests.
"""

import argparse
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import yaml

CONFIG_FILES = ("config.yaml", "configuration.json", "tokens.txt")
PREFIX = "d2v_model."
"""Names in the published checkpoints begin so; `scope_map` in config.yaml tells FunASR."""

LABELS = (
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
    "<unk>",
)
PIPELINE = {
    "framework": "pytorch",
    "task": "emotion-recognition",
    "model": {"type": "funasr"},
    "file_path_metas": {
        "init_param": "model.pt",
        "tokenizer_conf": {"token_list": "tokens.txt"},
        "config": "config.yaml",
    },
}


def architecture(*, tiny: bool) -> dict[str, Any]:
    """config.yaml: emotion2vec+ large, or the same with little width and depth."""
    width, heads, depth, prenet_depth = (64, 4, 1, 1) if tiny else (1024, 16, 8, 4)
    channels = 32 if tiny else 512
    spec = f"[({channels}, 10, 5)] + [({channels}, 3, 2)] * 4 + [({channels}, 2, 2)] * 2"
    decoder = {
        "add_positions_all": False,
        "add_positions_masked": False,
        "decoder_dim": width * 3 // 4,
        "decoder_groups": 4 if tiny else 16,
        "decoder_kernel": 7,
        "decoder_layers": 1 if tiny else 4,
        "decoder_residual": True,
        "input_dropout": 0.1,
        "projection_layers": 1,
        "projection_ratio": 2.0,
    }
    audio = {
        "type": "AUDIO",
        "alibi_max_pos": None,
        "alibi_scale": 1.0,
        "conv_pos_depth": 5,
        "conv_pos_groups": heads,
        "conv_pos_pre_ln": False,
        "conv_pos_width": 95,
        "decoder": decoder,
        "end_drop_path_rate": 0.0,
        "extractor_mode": "layer_norm",
        "feature_encoder_spec": spec,
        "init_extra_token_zero": True,
        "learned_alibi": False,
        "learned_alibi_scale": True,
        "learned_alibi_scale_per_head": True,
        "learned_alibi_scale_per_layer": False,
        "local_grad_mult": 1.0,
        "model_depth": depth,
        "num_alibi_heads": heads,
        "num_extra_tokens": 10,
        "prenet_depth": prenet_depth,
        "prenet_dropout": 0.1,
        "prenet_layerdrop": 0.0,
        "start_drop_path_rate": 0.0,
        "use_alibi_encoder": True,
    }
    model = {
        "activation_dropout": 0.0,
        "attention_dropout": 0.1,
        "average_top_k_layers": 16,
        "depth": depth,
        "dropout_input": 0.0,
        "embed_dim": width,
        "encoder_dropout": 0.1,
        "end_drop_path_rate": 0.0,
        "end_of_block_targets": False,
        "layer_norm_first": False,
        "layerdrop": 0.0,
        "loss_beta": 0.0,
        "loss_scale": None,
        "mlp_ratio": 4.0,
        "modalities": {"audio": audio},
        "norm_affine": True,
        "norm_eps": 1e-5,
        "normalize": True,
        "num_heads": heads,
        "post_mlp_drop": 0.1,
        "start_drop_path_rate": 0.0,
        "supported_modality": "AUDIO",
    }
    return {
        "model": "Emotion2vec",
        "model_conf": model,
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
        "scope_map": [PREFIX, "none"],
    }


def write_config(directory: Path, *, tiny: bool) -> None:
    """The three files that describe the model."""
    config = yaml.safe_dump(architecture(tiny=tiny), sort_keys=False)
    (directory / "config.yaml").write_text(config, encoding="utf-8")
    (directory / "configuration.json").write_text(json.dumps(PIPELINE, indent=2), encoding="utf-8")
    (directory / "tokens.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")


def write_weights(directory: Path, seed: int) -> int:
    """model.pt with FunASR's random initialisation; returns the number of parameters."""
    import torch  # noqa: PLC0415 - takes seconds; --help must not

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FunASR uses much that is deprecated
        from funasr.models.emotion2vec.model import Emotion2vec  # noqa: PLC0415 - as above

    config = yaml.safe_load((directory / "config.yaml").read_text(encoding="utf-8"))
    labels = (directory / "tokens.txt").read_text(encoding="utf-8").splitlines()
    state_of_generator = torch.get_rng_state()
    torch.manual_seed(seed)
    network = Emotion2vec(model_conf=config["model_conf"], vocab_size=len(labels))
    torch.set_rng_state(state_of_generator)
    state = {PREFIX + name: value for name, value in network.state_dict().items()}
    torch.save({"model": state}, directory / "model.pt")
    return sum(value.numel() for value in state.values())


def make(
    directory: Path, *, config_dir: Path | None = None, tiny: bool = False, seed: int = 0
) -> int:
    """Make the whole directory; returns the number of parameters."""
    directory.mkdir(parents=True, exist_ok=True)
    if config_dir is None:
        write_config(directory, tiny=tiny)
    else:
        for name in CONFIG_FILES:
            shutil.copyfile(config_dir / name, directory / name)
    return write_weights(directory, seed)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, help="made if it does not exist")
    parser.add_argument("--config-dir", type=Path, help="take the configuration from here")
    parser.add_argument("--tiny", action="store_true", help="small and quick; for tests")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    given = parser.parse_args()
    if given.tiny and given.config_dir:
        parser.error("--tiny has its own configuration; leave out --config-dir")
    count = make(given.directory, config_dir=given.config_dir, tiny=given.tiny, seed=given.seed)
    print(f"{given.directory}: {count / 1e6:.1f} M random parameters; its scores mean nothing")


if __name__ == "__main__":
    main()
