"""What is trained: fourteen architectures in two halves, eight fresh ones, and healthy oddities."""

from benchmarks.faults.programs import dense, fresh, images, modules, sequences

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
# Neither half has anything like these.
FRESH = {
    "tcn": fresh.TemporalConvolutions,
    "mixer": fresh.Mixer,
    "tagger": fresh.Tagger,
    "graph": fresh.Graph,
    "recommender": fresh.Recommender,
    "concatenated": fresh.Concatenated,
    "selu": fresh.Selu,
    "vit": fresh.VisionTransformer,
}
SETS = {"tune": TUNE, "held_out": HELD_OUT, "fresh": FRESH}
ARCHITECTURES = {**TUNE, **HELD_OUT, **FRESH}
