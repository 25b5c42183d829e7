"""Training on two workers: each runs this script, with its own index in TF_CONFIG.

    TF_CONFIG='{"cluster": {"worker": ["localhost:20001", "localhost:20002"]},
                "task": {"type": "worker", "index": 0}}' python two_workers.py

and the same with the index 1.
"""

import argparse
import random

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import gtlog

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--logdir", default="logs/two-workers")
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()

GLOBAL_BATCH = 64

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)

# TensorFlow 2.3 has it as experimental. It must be made before anything else runs.
try:
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
except AttributeError:
    strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()


def make_dataset(context):
    # 1,797 handwritten digits of 8 x 8 pixels, every second one for each of two workers
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16.0).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((images, digits.target.astype("int32")))
    dataset = dataset.shard(context.num_input_pipelines, context.input_pipeline_id)
    batch = context.get_per_replica_batch_size(GLOBAL_BATCH)
    return dataset.shuffle(2000, seed=0).repeat().batch(batch)


dataset = strategy.experimental_distribute_datasets_from_function(make_dataset)

with strategy.scope():
    model = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1)),
            tf.keras.layers.Conv2D(16, 3, activation="relu"),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(10),
        ]
    )
    optimizer = tf.keras.optimizers.SGD(0.05, momentum=0.9)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


@gtlog.logged_step(args.logdir, every=20)
@tf.function
def train_step(iterator):
    def replica_step(images, labels):
        with gtlog.InstrumentedTape() as tape:
            losses = loss_fn(labels, model(images, training=True))
            loss = tf.nn.compute_average_loss(losses, global_batch_size=GLOBAL_BATCH)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    per_replica_losses = strategy.run(replica_step, args=next(iterator))
    return strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica_losses, axis=None)


iterator = iter(dataset)
for step in range(1, args.steps + 1):
    loss = float(train_step(iterator))
    if step % 20 == 0 or step == args.steps:
        print(f"step {step}: loss {loss:.6f}")
