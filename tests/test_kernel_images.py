"""Pictures of kernels: which variables get one, what stands where, what the description says."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gtlog.records.step_record import StepRecord, VariableRecord
from gtlog.summaries.kernels.images import kernel_images
from gtlog.variables.naming import own_path
from gtlog.variables.roles import role_of

RED, BLUE, YELLOW, GREY = (178, 24, 43), (33, 102, 172), (255, 210, 0), (176, 176, 176)


def images(path, value, step=0, layer=None, **parameters):
    """The images of a step that touched one variable."""
    variable = VariableRecord(path, role_of(path), tf.convert_to_tensor(value), layer=layer)
    return list(kernel_images(**parameters)(StepRecord(step, (), (variable,))))


def weights(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def colour(value, bound):
    if not math.isfinite(value):
        return YELLOW
    end = RED if value > 0 else BLUE
    return tuple(round(255 + abs(float(value)) / bound * (channel - 255)) for channel in end)


def picture_by_hand(tiles, columns, scale, bound):
    """Pixels of tiles (lists of slices `[height, width]`), by plain loops, without the bar."""
    slices, height, width = np.shape(tiles[0])
    across, down = slices * (width * scale + 1) - 1 + 2, height * scale + 2
    rows = math.ceil(len(tiles) / columns)
    pixels = np.empty((2 + rows * down, 2 + columns * across, 3), np.uint8)
    pixels[:] = GREY
    for index, tile in enumerate(tiles):
        top, left = 2 + index // columns * down, 2 + index % columns * across
        for z, y, x in np.ndindex(slices, height * scale, width * scale):
            value = tile[z][y // scale][x // scale]
            pixels[top + y, left + z * (width * scale + 1) + x] = colour(value, bound)
    return pixels


def assert_drawn(image, tiles, columns, scale, bound):
    expected = picture_by_hand(tiles, columns, scale, bound)
    height, width = expected.shape[:2]
    assert image.pixels.shape[0] == height + 18
    np.testing.assert_array_equal(image.pixels[:height, :width], expected)


def test_rows_are_input_channels_and_columns_are_filters():
    """A Conv2D kernel is drawn pixel for pixel as plain loops over channels and filters draw it."""
    kernel = weights(3, 2, 4, 5)
    (image,) = images("net/conv2d/kernel", kernel)
    tiles = [[kernel[:, :, c, f]] for c in range(4) for f in range(5)]
    assert image.tag == "images/net/conv2d/kernel"
    assert_drawn(image, tiles, columns=5, scale=16, bound=float(np.abs(kernel).max()))


def test_one_input_channel_shows_all_filters():
    """The 32 filters of a (3, 3, 1, 32) kernel are all drawn, eight in a row."""
    kernel = weights(3, 3, 1, 32)
    (image,) = images("conv2d/kernel", kernel)
    tiles = [[kernel[:, :, 0, f]] for f in range(32)]
    assert_drawn(image, tiles, columns=8, scale=16, bound=float(np.abs(kernel).max()))
    assert "Left out" not in image.description


def test_negative_weights_are_not_black():
    """A kernel of negative weights alone is blue, full colour where the magnitude is largest."""
    (image,) = images("conv2d/kernel", -np.ones((3, 3, 1, 32), np.float32))
    assert tuple(image.pixels[2, 2]) == BLUE
    assert image.pixels[:-18].max(axis=-1).min() >= 172


def test_depth_slices_stand_in_one_tile():
    """A Conv3D kernel has a tile per channel and filter with its depth slices side by side."""
    kernel = weights(4, 3, 2, 2, 3)
    (image,) = images("conv3d/kernel", kernel)
    tiles = [kernel[:, :, :, c, f] for c in range(2) for f in range(3)]
    assert_drawn(image, tiles, columns=3, scale=16, bound=float(np.abs(kernel).max()))
    assert "depth slices stand side by side" in image.description.lower()


def test_a_conv1d_kernel_is_a_row_of_weights():
    """A Conv1D kernel has tiles one weight high, in rows of channels and columns of filters."""
    kernel = weights(5, 3, 4)
    (image,) = images("conv1d/kernel", kernel)
    tiles = [[[kernel[:, c, f]]] for c in range(3) for f in range(4)]
    assert_drawn(image, tiles, columns=4, scale=16, bound=float(np.abs(kernel).max()))


@pytest.mark.parametrize(
    "path, layer",
    [
        ("net/conv2d_transpose_1/kernel", None),
        ("conv2_d_transpose/w", None),
        ("decoder/up/kernel", "Conv2DTranspose"),
    ],
)
def test_transposed_kernels_have_channels_in_rows_too(path, layer):
    """Kernels stored with filters before channels are drawn with channels in rows all the same."""
    kernel = weights(2, 2, 5, 3)
    (image,) = images(path, kernel, layer=layer)
    tiles = [[kernel[:, :, f, c]] for c in range(3) for f in range(5)]
    assert_drawn(image, tiles, columns=5, scale=16, bound=float(np.abs(kernel).max()))
    assert "(height, width, filters, input channels)" in image.description


@pytest.mark.parametrize("layer, transposed", [("Conv2D", False), ("Conv2DTranspose", True)])
def test_the_layers_class_outweighs_its_name(layer, transposed):
    """Where the class of the layer is known, the layer's own name does not mislead."""
    kernel = weights(2, 2, 5, 3)
    (image,) = images("transpose/conv_transpose/kernel", kernel, layer=layer)
    assert ("filters, input channels" in image.description) == transposed


def test_depthwise_kernels_have_a_column_per_multiplier():
    """A depthwise kernel has its channels in rows and each channel's own filters in columns."""
    kernel = weights(3, 3, 20, 2)
    (image,) = images("sep/depthwise_kernel", kernel)
    tiles = [[kernel[:, :, c, m]] for c in range(20) for m in range(2)]
    assert_drawn(image, tiles, columns=2, scale=16, bound=float(np.abs(kernel).max()))


@pytest.mark.parametrize(
    "path", ["depthwise_conv2d/depthwise_kernel", "net/depthwise_conv2d/kernel"]
)
def test_a_depthwise_kernel_is_capped_by_filters(path):
    """A depthwise kernel of multiplier 1 is wrapped and capped by max_filters, not max_channels."""
    kernel = weights(3, 3, 40, 1)
    (image,) = images(path, kernel, max_filters=36, max_channels=2)
    tiles = [[kernel[:, :, c, 0]] for c in range(36)]
    bound = float(np.abs(kernel[:, :, :36]).max())
    assert_drawn(image, tiles, columns=6, scale=16, bound=bound)
    assert "Left out: the last 4 of 40 input channels." in image.description


def test_the_caps_leave_out_what_the_description_states():
    """The first filters and channels are drawn, scaled by themselves, and the rest is stated."""
    kernel = weights(3, 3, 5, 7)
    kernel[..., 6] *= 100.0
    (image,) = images("conv2d/kernel", kernel, max_filters=6, max_channels=2)
    tiles = [[kernel[:, :, c, f]] for c in range(2) for f in range(6)]
    assert_drawn(image, tiles, columns=6, scale=16, bound=float(np.abs(kernel[:, :, :2, :6]).max()))
    left_out = "Left out: the last 3 of 5 input channels, the last 1 of 7 filters."
    assert left_out in image.description


def test_a_pointwise_kernel_is_not_depthwise():
    """The pointwise kernel of a layer that is named depthwise has filters over all channels."""
    (image,) = images("depthwise_separable/pointwise_kernel", weights(1, 1, 20, 2), max_filters=4)
    assert "Left out: the last 4 of 20 input channels." in image.description


def test_a_huge_kernel_keeps_to_the_longest_side():
    """Of a (3, 3, 512, 512) kernel 16 channels and 64 filters are drawn within 1024 pixels."""
    kernel = weights(3, 3, 512, 512)
    (image,) = images("conv2d/kernel", kernel)
    shown = kernel[:, :, :16, :64]
    tiles = [[shown[:, :, c, f]] for c in range(16) for f in range(64)]
    assert_drawn(image, tiles, columns=64, scale=4, bound=float(np.abs(shown).max()))
    assert max(image.pixels.shape) <= 1024
    assert "496 of 512 input channels" in image.description
    assert "448 of 512 filters" in image.description


def test_the_description_states_the_bounds_and_their_step():
    """The description names the shape, the dtype, and the scale's bounds at this step."""
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[0, 0, 0, 0] = -0.375
    (image,) = images("conv2d/kernel", kernel, step=700)
    assert "shape [3, 3, 1, 2] (height, width, input channels, filters), float32" in (
        image.description
    )
    assert "full colour is ±0.375 at step 700" in image.description


def test_non_finite_weights_are_yellow_and_counted():
    """NaN and infinite weights are yellow, counted, and leave the scale to the finite ones."""
    kernel = np.full((2, 2, 1, 1), 0.5, np.float32)
    kernel[0, 0], kernel[0, 1] = np.nan, -np.inf
    (image,) = images("conv2d/kernel", kernel)
    assert_drawn(image, [[kernel[:, :, 0, 0]]], columns=1, scale=16, bound=0.5)
    assert "2 of 4 weights NaN or infinite" in image.description
    assert "±0.5 " in image.description


def test_only_the_weights_drawn_are_counted():
    """A NaN among the filters that the caps leave out is not counted as drawn."""
    kernel = weights(3, 3, 2, 4)
    kernel[0, 0, 0, 3] = np.nan
    (image,) = images("conv2d/kernel", kernel, max_filters=3)
    assert "NaN" not in image.description


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_kernel_without_a_scale_is_drawn(value):
    """All zeros are white and all NaN are yellow, with a bound of zero."""
    (image,) = images("conv2d/kernel", np.full((3, 3, 1, 1), value, np.float32))
    expected = YELLOW if math.isnan(value) else (255, 255, 255)
    assert (image.pixels[2:50, 2:50] == expected).all()
    assert "±0 " in image.description


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_every_floating_type_is_drawn(dtype):
    """Narrow and wide floating types are drawn in float64 and named in the description."""
    values = np.array([[-0.5, 0.25], [0.0, 0.125]]).reshape(2, 2, 1, 1)
    (image,) = images("conv2d/kernel", tf.cast(values, dtype))
    assert_drawn(image, [[values[:, :, 0, 0]]], columns=1, scale=16, bound=0.5)
    assert dtype in image.description


@pytest.mark.parametrize(
    "path, shape, layer",
    [
        ("conv2d/kernel", (3, 3, 2, 2), None),
        ("attention_block/conv1d/kernel", (3, 2, 2), None),
        ("attention/query/kernel", (3, 2, 2), "Conv1D"),
        ("policy/value/kernel", (3, 3, 2, 2), None),
        ("block/w", (3, 2, 2), None),
        ("conv2_d/w", (3, 3, 2, 2), None),
        ("separable_conv1d/pointwise_kernel", (1, 2, 2), None),
        ("conv_lstm2d/kernel", (3, 3, 2, 8), None),
        ("conv_lstm2d/recurrent_kernel", (3, 3, 2, 8), None),
        ("conv2d/kernel_1", (3, 3, 2, 2), None),
    ],
)
def test_convolution_kernels_are_drawn(path, shape, layer):
    """Kernels of convolutions are found by path, rank and layer, whatever the module calls them."""
    assert [image.tag for image in images(path, weights(*shape), layer=layer)] == [f"images/{path}"]


@pytest.mark.parametrize(
    "path, shape, layer",
    [
        ("conv2d/bias", (3, 3, 2, 2), None),
        ("dense/kernel", (3, 2), None),
        ("lstm/lstm_cell/recurrent_kernel", (2, 8), None),
        ("embedding/embeddings", (5, 2, 2), None),
        ("multi_head_attention/query/kernel", (3, 2, 2), None),
        ("net/query/kernel", (3, 2, 2), None),
        ("net/attention_output/kernel", (3, 2, 2), None),
        ("net/multi_head_attention/query_kernel", (3, 2, 2), None),
        ("einsum_dense_3/kernel", (3, 2, 2), None),
        ("einsum_dense/kernel", (3, 2, 2, 2), None),
        ("net/projection/kernel", (3, 2, 2), "EinsumDense"),
        ("conv_head/kernel", (3, 2, 2), "EinsumDense"),
        ("locally_connected1d/kernel", (3, 2, 2), None),
        ("batch_normalization/gamma", (1, 1, 1, 4), None),
        ("conv2d/kernel", (3, 3, 0, 4), None),
        ("state/state", (3, 3, 2, 2), None),
    ],
)
def test_other_variables_get_no_image(path, shape, layer):
    """Biases, matrices, attention kernels, embeddings and empty kernels are not drawn unasked."""
    assert images(path, weights(*shape), layer=layer) == []


def test_complex_kernels_get_no_image():
    """A complex kernel has no sign and so no picture."""
    assert images("conv2d/kernel", np.ones((3, 3, 1, 1), np.complex64)) == []


def test_dense_matrices_are_heat_maps_on_request():
    """With dense=True a matrix is drawn with inputs downwards, one rectangle for each weight."""
    matrix = weights(300, 60)
    (image,) = images("dense/kernel", matrix, dense=True)
    bound = float(np.abs(matrix).max())
    assert image.pixels.shape == (4 + 300 * 3 + 18, 4 + 60 * 12, 3)
    for row, column in [(0, 0), (299, 59), (17, 3)]:
        block = image.pixels[2 + row * 3 : 5 + row * 3, 2 + column * 12 : 14 + column * 12]
        assert (block == colour(matrix[row, column], bound)).all()


def test_a_large_embedding_is_shrunk_to_block_means():
    """An embedding longer than the cap is drawn as means of blocks, and the description says so."""
    matrix = weights(2000, 10)
    (image,) = images("embedding/embeddings", matrix, dense=True, max_side=500)
    block = math.ceil(2000 / (500 - 18 - 4))
    means = matrix.astype(np.float64).reshape(2000 // block, block, 10).mean(axis=1)
    assert image.pixels.shape == (4 + 2000 // block + 18, 192, 3)
    for row, column in [(0, 0), (399, 9), (123, 4)]:
        expected = colour(means[row, column], np.abs(means).max())
        assert np.abs(image.pixels[2 + row, 2 + 4 * column].astype(int) - expected).max() <= 1
    assert f"Means of blocks of {block} x 1 are drawn" in image.description
    assert f"±{np.abs(means).max():.6g} at step" in image.description


@pytest.mark.parametrize(
    "path, shape, rows",
    [
        ("attention/query/kernel", (12, 3, 4), 12),
        ("attention/attention_output/kernel", (3, 4, 12), 12),
        ("position/embeddings", (1, 9, 5), 9),
    ],
)
def test_matrices_of_more_axes_are_drawn_nearly_square(path, shape, rows):
    """Neighbouring axes of an attention kernel are joined to the matrix nearest to a square."""
    matrix = weights(*shape).reshape(rows, -1)
    (image,) = images(path, matrix.reshape(shape), dense=True)
    assert_drawn(image, [[matrix]], columns=1, scale=16, bound=float(np.abs(matrix).max()))


@pytest.mark.parametrize(
    "parameters, error, words",
    [
        ({"max_filters": 0}, ValueError, "max_filters must be an int, 1 or more, got 0"),
        ({"max_channels": -1}, ValueError, "max_channels must be an int, 1 or more, got -1"),
        ({"max_side": 255}, ValueError, "max_side must be an int, 256 or more, got 255"),
        ({"max_filters": 8.0}, TypeError, r"max_filters .* got 8\.0 \(float\)"),
        ({"max_channels": True}, TypeError, r"max_channels .* got True \(bool\)"),
        ({"dense": 1}, TypeError, r"dense must be a bool, got 1 \(int\)"),
    ],
)
def test_wrong_parameters_are_named_at_once(parameters, error, words):
    """A wrong parameter is refused at construction by name, value and rule."""
    with pytest.raises(error, match=words):
        kernel_images(**parameters)


def keras_record(layer, *input_shape):
    """The record of a real Keras layer's variables."""
    layer(tf.zeros(input_shape))
    paths = [own_path(getattr(variable, "path", variable.name)) for variable in layer.variables]
    values = [tf.convert_to_tensor(variable) for variable in layer.variables]
    return StepRecord(
        0, (), tuple(VariableRecord(p, role_of(p), v) for p, v in zip(paths, values))
    )


LAYERS = tf.keras.layers


@pytest.mark.parametrize(
    "layer, input_shape, note",
    [
        (lambda: LAYERS.Conv1D(4, 3), (1, 8, 2), "(width, input channels, filters)"),
        (lambda: LAYERS.Conv2D(4, 3), (1, 8, 8, 2), "(height, width, input channels, filters)"),
        (lambda: LAYERS.Conv3D(4, 2), (1, 4, 4, 4, 2), "(depth, height, width, input channels"),
        (lambda: LAYERS.Conv2DTranspose(4, 3), (1, 8, 8, 2), "filters, input channels)"),
        (lambda: LAYERS.Conv3DTranspose(4, 2), (1, 4, 4, 4, 2), "filters, input channels)"),
        (lambda: LAYERS.DepthwiseConv2D(3), (1, 8, 8, 2), "filters of each channel)"),
        (lambda: LAYERS.ConvLSTM2D(2, 3), (1, 2, 5, 5, 1), "input channels, filters)"),
    ],
)
def test_kernels_of_real_keras_layers_are_drawn(layer, input_shape, note):
    """The kernels that Keras really makes are found by their own paths, and nothing else is."""
    record = keras_record(layer(), *input_shape)
    drawn = list(kernel_images()(record))
    kernels = [v.path for v in record.variables if "kernel" in v.path.rsplit("/", 1)[-1]]
    assert [image.tag for image in drawn] == [f"images/{path}" for path in kernels]
    assert all(note in image.description for image in drawn)


def test_a_separable_layer_has_two_pictures():
    """Of a SeparableConv2D the depthwise and the pointwise kernel are drawn as what they are."""
    record = keras_record(LAYERS.SeparableConv2D(5, 3, depth_multiplier=2), 1, 8, 8, 2)
    depthwise, pointwise = kernel_images()(record)
    assert "(height, width, input channels, filters of each channel)" in depthwise.description
    assert "(height, width, input channels, filters)" in pointwise.description
