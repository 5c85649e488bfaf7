"""tools/verify.py as a module. Signatures are kept: what the tests change leaves most manifests alone."""
import functools, importlib.util
from pathlib import Path

spec = importlib.util.spec_from_file_location("verify", Path(__file__).resolve().parents[2] / "tools" / "verify.py")
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
verify.signed = functools.lru_cache(maxsize=10_000)(verify.signed)
