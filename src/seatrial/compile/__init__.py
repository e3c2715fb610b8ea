"""Compiles: a fitted scikit-learn pipeline in, one float64 ONNX graph and the proof that it is equal out.

It never approximates: a pipeline that cannot be compiled exactly raises CompileError with the reason, and so does a
graph whose proof fails. It never fits, and writes no file.

Why the converters are our own: of skl2onnx 1.20's, only a handful are correct in double precision. Imputers, linear
models and trees use operators in float32 (trees were off by 0.25), LinearDiscriminantAnalysis was off by 0.15
without any warning, and most of the others give graphs that onnxruntime rejects. Ours are short, need a third of the
nodes, and each node saved is a microsecond per call.
"""

from seatrial.compile.compilation import compile_release as compile_release
from seatrial.compile.reference import reference_scorer as reference_scorer
