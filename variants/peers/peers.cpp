#include "variants/peers/peers.hpp"

#include "variants/peers/peer_network.hpp"
#include "variants/peers/peer_program.hpp"

namespace stepbench {
namespace {

constexpr std::string_view kTimeLimit = "time_limit", kScript = "script";
constexpr std::int64_t kUsualLimit = 300, kLongestLimit = 86'400;  // s

/// What is known of a peer before it is asked.
struct PeerRow {
  const char *name, *summary, *script, *argument;  // argument: nullptr for none
  std::int64_t max_threads;
  std::string (*unsupported)(const NetworkSettings&);
};

/// Of what no shipped peer has.
std::string other_losses(const ModelSettings& model) {
  if (model.loss == Loss::stablemax_cross_entropy) return "model.loss = stablemax_cross_entropy is not supported";
  if (model.softmax) return "computes softmax as its library likes: model.softmax is not supported";
  return "";
}

std::string pytorch_and_jax_unsupported(const NetworkSettings& settings) {
  if (std::string reason = other_losses(settings.model); !reason.empty()) return reason;
  if (settings.training.update_order == UpdateOrder::simultaneous) return "";
  return "forms all gradients before it updates: training.update_order = layerwise is not supported";
}

std::string numpy_unsupported(const NetworkSettings& settings) {
  if (std::string reason = other_losses(settings.model); !reason.empty()) return reason;
  if (settings.model.kind != ModelKind::mlp) return "trains MLPs: model.kind = transformer is not supported";
  if (settings.training.update_order == UpdateOrder::layerwise) {
    return "training.update_order = layerwise is not supported (numpy_original has it)";
  }
  return "";
}

std::string original_unsupported(const NetworkSettings& settings) {
  const ModelSettings& model = settings.model;
  const TrainingSettings& training = settings.training;
  if (model.kind != ModelKind::mlp) return "the original trains MLPs: model.kind = transformer is not supported";
  if (model.output != OutputActivation::relu) return "the original has model.output = relu: no other is supported";
  if (model.loss != Loss::squared_error) return "the original has model.loss = squared_error: no other is supported";
  if (training.optimizer != Optimizer::sgd) return "the original has training.optimizer = sgd: no other is supported";
  if (training.weight_decay != 0 || training.gradient_clip) {
    return "the original neither decays weights nor clips gradients: not supported";
  }
  return "";
}

constexpr PeerRow kPyTorch{"pytorch",    "PyTorch, eager, as its users write it",
                           "pytorch.py", nullptr,
                           kAnyThreads,  pytorch_and_jax_unsupported};
constexpr PeerRow kPyTorchCompiled{"pytorch_compiled", "the same through torch.compile", "pytorch.py", "--compiled",
                                   kAnyThreads,        pytorch_and_jax_unsupported};
constexpr PeerRow kJax{
    "jax", "JAX, the whole training step jitted", "jax_peer.py", nullptr, kAnyThreads, pytorch_and_jax_unsupported};
constexpr PeerRow kNumpy{
    "numpy", "numpy, a layer as a matrix; MLPs", "numpy_vectorised.py", nullptr, kAnyThreads, numpy_unsupported};
constexpr PeerRow kNumpyOriginal{
    "numpy_original",    "the tutorial's classes in numpy, neuron by neuron; MLPs", "numpy_original.py", nullptr, 1,
    original_unsupported};

PeerProgram program_of(const PeerRow& row) {
  PeerProgram program{.name = row.name, .script = row.script};
  if (row.argument != nullptr) program.arguments.emplace_back(row.argument);
  return program;
}

std::chrono::seconds time_limit_of(const NetworkSettings& settings) {
  return std::chrono::seconds(count_of(settings.own, kTimeLimit).value_or(kUsualLimit));
}

template <const PeerRow& row, typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return make_peer_network<Scalar>(program_of(row), settings, time_limit_of(settings));
}

template <const PeerRow& row>
std::string missing() {
  return describe(program_of(row)).missing;
}

BackendSetting time_limit_setting() {
  return backend_setting(kTimeLimit, integer_rule(1, kLongestLimit),
                         "seconds that its process may take for one answer: to make the network, to train a block",
                         std::to_string(kUsualLimit));
}

template <const PeerRow& row>
Backend backend() {
  Backend backend{.name = row.name,
                  .summary = row.summary,
                  .max_threads = row.max_threads,
                  .same_bits_for_any_threads = false,
                  .make_float32 = make<row, float>,
                  .make_float64 = make<row, double>,
                  .unsupported = row.unsupported};
  backend.own_process = true;
  backend.missing = missing<row>;
  backend.own_settings = {time_limit_setting()};
  return backend;
}

PeerProgram own_program(const NetworkSettings& settings) {
  return {.name = "peer", .script = text_of(settings.own, kScript), .arguments = {}, .describes_itself = false};
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_own(const NetworkSettings& settings) {
  return make_peer_network<Scalar>(own_program(settings), settings, time_limit_of(settings));
}

std::string own_unsupported(const NetworkSettings& settings) {
  if (text_of(settings.own, kScript).empty()) return "no script is named: set backend.peer.script";
  return describe(own_program(settings)).missing;
}

}  // namespace

Backend pytorch_backend() { return backend<kPyTorch>(); }
Backend pytorch_compiled_backend() { return backend<kPyTorchCompiled>(); }
Backend jax_backend() { return backend<kJax>(); }
Backend numpy_backend() { return backend<kNumpy>(); }
Backend numpy_original_backend() { return backend<kNumpyOriginal>(); }

Backend peer_backend() {
  Backend backend{.name = "peer",
                  .summary = "a script of your own that speaks the peer protocol (scripts/peers/PROTOCOL.md)",
                  .max_threads = kAnyThreads,
                  .same_bits_for_any_threads = false,
                  .make_float32 = make_own<float>,
                  .make_float64 = make_own<double>,
                  .unsupported = own_unsupported};
  backend.own_process = true;
  backend.own_settings = {backend_setting(kScript, text_rule("a Python script, or a program"), "what is run", "none"),
                          time_limit_setting()};
  return backend;
}

}  // namespace stepbench
