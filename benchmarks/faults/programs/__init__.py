"""What is trained: fourteen architectures in two halves, and special trainings that are healthy."""

from benchmarks.faults.programs import dense, images, modules, sequences

# Each kind stands in both halves in another form; rules are tuned on the first alone.
TUNE = {
    "mlp": dense.Perceptron,
    "cnn": images.ConvolutionsWithNorm,
    "residual": dense.ResidualBlocks,
    "lstm": sequences.LstmClassifier,
    "transformer": sequences.Encoder,
    "module": modules.TanhModule,
    "autoencoder": dense.Autoencoder,
}
HELD_OUT = {
    "deep_mlp": dense.DeepPerceptron,
    "strided_cnn": images.StridedConvolutions,
    "resnet": images.ResidualConvolutions,
    "gru": sequences.StackedGru,
    "decoder": sequences.Decoder,
    "gated_module": modules.GatedModule,
    "denoiser": images.Denoiser,
}
HALVES = {"tune": TUNE, "held_out": HELD_OUT}
ARCHITECTURES = {**TUNE, **HELD_OUT}
