"""Unit tests for rules: audio that is written down, and what is expected to fire, and when."""

from tonewatch.alerting.cases._model import Case, CasesFile, ExpectedAlert, load_cases
from tonewatch.alerting.cases._run import CaseResult, run_case

__all__ = ["Case", "CaseResult", "CasesFile", "ExpectedAlert", "load_cases", "run_case"]
