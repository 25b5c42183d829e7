"""What is trained: architectures in two halves and two more sets, and healthy oddities."""

from benchmarks.faults.programs import dense, fourth, images, modules, sequences, third

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
# The halves have nothing like these, and neither set has anything like the other.
THIRD = {
    "tcn": third.TemporalConvolutions,
    "mixer": third.Mixer,
    "tagger": third.Tagger,
    "graph": third.Graph,
    "recommender": third.Recommender,
    "concatenated": third.Concatenated,
    "selu": third.Selu,
    "vit": third.VisionTransformer,
}
FOURTH = {
    "segmenter": fourth.Segmenter,
    "siamese": fourth.Siamese,
    "translator": fourth.Translator,
    "soft_experts": fourth.SoftExperts,
    "point_cloud": fourth.PointCloud,
    "inverted": fourth.Inverted,
    "deep_and_cross": fourth.DeepAndCross,
    "hand_recurrence": fourth.HandRecurrence,
}
SETS = {"tune": TUNE, "held_out": HELD_OUT, "third": THIRD, "fourth": FOURTH}
ARCHITECTURES = {**TUNE, **HELD_OUT, **THIRD, **FOURTH}
