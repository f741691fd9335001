"""What an operator can set of the inference service."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from tonewatch.shared.settings import Port, ServiceOptions, Settings

EngineName = Literal["emotion2vec", "compact", "fake"]


class InferenceOptions(ServiceOptions):
    """Which model scores, how it is batched, and when work is taken over from others."""

    port: Port = 8083
    engine: EngineName = Field(
        default="compact",
        description="emotion2vec (FunASR), compact (ships with Tonewatch) or fake (tests)",
    )
    model: str = Field(
        default="iic/emotion2vec_plus_large",
        description="For emotion2vec: a hub id, or a directory with config.yaml and model.pt",
    )
    hub: Literal["ms", "hf"] = Field(
        default="ms", description="Where a hub id is downloaded from: ModelScope or Hugging Face"
    )
    revision: str = Field(
        default="",
        description="Revision of the model on the hub; empty: the one that Tonewatch was made for",
    )
    compact_weights: Path | None = Field(
        default=None,
        description="For compact: a folder of weights that tonewatch-train made; default: those"
        " that ship with Tonewatch",
    )
    cache_dir: Path | None = Field(
        default=None, description="Where downloads are kept; default: models in data_dir"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="cuda is an error where there is none; auto takes it if there"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = Field(
        default="auto",
        description="Of emotion2vec: fp32 is exact (and auto); bf16 for GPU and CPU, fp16 for GPU,"
        " int8 for CPU",
    )
    backend: Literal["auto", "torch", "onnx"] = Field(
        default="auto",
        description="What runs emotion2vec; auto is ONNX Runtime on a CPU, torch otherwise",
    )
    threads: int = Field(
        default=0, ge=0, le=256, description="CPU threads of the model; 0: the library's choice"
    )
    window_seconds: float = Field(
        default=3.0, ge=1, le=10, description="Longest stretch of audio the model hears at once"
    )
    steps_per_second: Literal[1, 2, 5, 10, 25, 50] = Field(
        default=10, description="Rows of the fine matrix inside each second"
    )
    step_smoothing_ms: int = Field(
        default=200,
        ge=20,
        le=2000,
        description="Width of the moving average over the model's 20 ms features, before the rows"
        " are taken",
    )
    speech_threshold: float = Field(
        default=0.2, ge=0, le=1, description="Frames with a smaller share of speech are no_speech"
    )
    max_batch: int = Field(default=64, ge=1, le=256, description="Windows in one engine call")
    batch_seconds: float = Field(
        default=1.0,
        gt=0,
        description="Batches are kept small enough for an engine call to take about this long",
    )
    linger_ms: float = Field(
        default=5.0, ge=0, le=100, description="Wait for company when the queue is short"
    )
    hop_after_seconds: float = Field(
        default=3.0,
        gt=0,
        description="When the oldest live frame has waited this long, one window answers for two"
        " seconds; from twice as long on for three",
    )
    shed_after_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Live frames that waited longer are given up, with a gap in their place",
    )
    claim_idle_seconds: float = Field(
        default=5.0, gt=0, description="Frames that a worker holds this long in silence are taken"
    )
    max_deliveries: int = Field(
        default=5, ge=1, description="A frame that failed this often goes to the dead letters"
    )
    cache_frames: int = Field(
        default=1024, ge=0, description="Frames kept in memory for windows (32 KB each)"
    )
    fake_batch_seconds: float = Field(
        default=0.0, ge=0, description="Compute time that the fake engine pretends, per call"
    )


class InferenceSettings(Settings):
    """All settings of the inference service."""

    section: ClassVar[str] = "inference"

    inference: InferenceOptions = Field(default_factory=InferenceOptions)
