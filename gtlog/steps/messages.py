"""Why something of a step cannot be seen, and what to write to see it."""

MIXED = (
    "Two steps of one logger ran at the same time, and a graph cannot tell which of them its "
    "gradients belong to: of such steps weights and biases are logged, and no gradients, updates "
    "and loss. Give each thread, and each of two nested steps, a logger of its own."
)
INSIDE_XLA = (
    "A function inside the decorated step is compiled by XLA (jit_compile=True), where no gradient "
    "or loss can be handed to the host: of its variables, values after the update are logged, and "
    "no gradients, updates and loss. Decorate that function itself, above its "
    "@tf.function(jit_compile=True), and call it from Python; or leave jit_compile out."
)
NESTED_IN_XLA = (
    "In the decorated step, which XLA compiles (jit_compile=True), a gradient is taken inside an "
    "inner tf.function, a branch or a loop of the graph, which no tensor can leave: its gradients "
    "and loss are not logged. Take it in the body of the step itself, or leave jit_compile out."
)
NOT_CALLED_AS_STEP = (
    "A tf.function that was traced as a decorated step runs inside another step, called without "
    "the decorator, which reads the values before the update: update_ratio is not logged. Call the "
    "decorated function, or give this step a tf.function object of its own."
)
IN_FIT_WITH_XLA = (
    "Keras has the decorated step compiled by XLA (jit_compile=True), where nothing can be handed "
    "to the host: "
)
FIT_WITH_XLA = (
    "Keras has the step of fit compiled by XLA (jit_compile), where nothing can be handed to the "
    "host: weights, biases and updates are logged from outside, gradients and loss are not. To see "
    "them, compile the model with jit_compile=False."
)
FIT_OF_ANOTHER = (
    "The callback of another logger sees the gradients of this fit, and one fit has one such "
    "callback: this logger logs weights, biases and updates alone. Pass one keras_callback("
    "gradients=True); the others without gradients."
)
FIT_ON_WORKERS = (
    "fit trains in the processes of workers, under a parameter server strategy, from where no "
    "gradient or loss can be handed to this process: weights, biases and updates are logged."
)
LOGGED_BY_CALLBACK = (
    "weights and biases are logged from outside, by the logger's keras_callback(); gradients and "
    "loss are not. To see them, compile the model with jit_compile=False."
)
NO_CALLBACK = (
    "it is not logged. With `log = model.train_step.step_logger`, pass "
    "callbacks=[log.keras_callback()] to fit to have weights and biases logged from outside; or "
    "compile the model with jit_compile=False to see everything."
)
BENEATH_XLA = (
    "The decorated step is traced inside a function that XLA compiles (jit_compile=True), where "
    "nothing can be handed to the host: it is not logged. Put the decorator above "
    "@tf.function(jit_compile=True), or leave jit_compile out. To have weights and biases alone "
    "logged from outside, write `with log.step():` around each call, where log is the step_logger "
    "of the decorated function."
)
STEP_VECTORIZED = (
    "The decorated step is called inside tf.vectorized_map, which computes all elements at once: "
    "it is not logged. Decorate the function that calls tf.vectorized_map."
)
GRADIENT_IN_PLAIN_GRAPH = (
    "A gradient is taken inside a tf.Graph of tf.compat.v1, which runs in a session of its own, "
    "where nothing can be handed to gtlog: it is not logged. Take it eagerly or in a tf.function."
)
GRADIENT_VECTORIZED = (
    "A gradient is taken inside tf.vectorized_map, where a graph can hand over that of the first "
    "element alone: of its variables, values after the update are logged, and no gradients, "
    "updates and loss. Use tf.map_fn instead, or take the gradient of a sum over the elements "
    "outside."
)
GRADIENT_ON_WORKERS = (
    "The step runs in the processes of workers, under a parameter server strategy, from where no "
    "gradient or loss can be handed to this process: of its variables, values after the update are "
    "logged, and no gradients, updates and loss."
)
TAPE_IN_GRAPH = (
    "InstrumentedTape(logger=...) is used inside a tf.function without a step around it, so gtlog "
    "cannot tell when the update is done and logs nothing of it. Decorate the function with "
    "@gtlog.logged_step(...), or call it inside `with logger.step():`."
)
STEP_IN_PLAIN_GRAPH = (
    "The step builds a graph of tf.compat.v1: in a program that disables eager execution, or "
    "inside tf.Graph().as_default(). Such a graph runs in a session, out of gtlog's sight: nothing "
    "of it is logged, and gtlog adds nothing to it. Write the step as eager code or as a "
    "tf.function."
)
STEP_ON_WORKERS = (
    "The decorated function is traced to run in the processes of workers, under a parameter server "
    "strategy, where gtlog cannot write: nothing of it is logged. Decorate the function that calls "
    "coordinator.schedule and coordinator.join instead."
)
TAPE_IN_REPLICA = (
    "InstrumentedTape(logger=...) is used in a replica of a tf.distribute strategy without a step "
    "around it: gtlog cannot tell which tapes belong to one step and logs nothing of it. Write "
    "`with logger.step():` around strategy.run, or decorate the function that calls it."
)
VALUE_OUTSIDE = (
    "The value {!r} is logged in a tf.function that belongs to no step of its logger, so it has no "
    "step to be written with: it is not logged. Decorate the function, or log what it returns."
)
VALUE_UNSEEN = (
    "The value {!r} is computed where no tensor can be handed over to gtlog: in a function that "
    "XLA compiles, in tf.vectorized_map, or in the processes of workers. It is not logged. Return "
    "it from the step, and log it there."
)
TRACED_BEFORE = (
    "The decorated tf.function was traced before it was decorated. If it uses an InstrumentedTape, "
    "that trace hands over no gradients: only weights and biases are logged. Decorate it before "
    "its first call."
)
