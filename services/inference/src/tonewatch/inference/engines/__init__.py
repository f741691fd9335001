"""Emotion models behind one protocol; the only place that may import torch, funasr, onnxruntime."""
