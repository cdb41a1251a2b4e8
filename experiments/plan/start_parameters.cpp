#include "experiments/plan/start_parameters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/bfloat16.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/results/lookup.hpp"
#include "core/results/result_file.hpp"
#include "core/table_values.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

std::string spelled(const std::vector<std::int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

const TrialRecord& require_trial(const ResultFile& file, const std::string& name, const std::string& id) {
  if (const TrialRecord* found = find_trial(file, id)) return *found;
  std::vector<std::string> ids;
  for (const TrialRecord& trial : file.trials) ids.push_back(trial.id);
  throw InputError(fmt::format("{} has no trial \"{}\", allowed: {}", name, id, fmt::join(ids, ", ")));
}

}  // namespace

std::vector<double> in_canonical_order(std::span<const NamedTensor> stored, const ParameterLayout& layout,
                                       Precision precision) {
  std::vector<const NamedTensor*> sources;
  for (const ParameterTensor& tensor : layout.tensors) {
    const auto found = std::ranges::find(stored, tensor.name, &NamedTensor::name);
    if (found == stored.end()) {
      throw InputError(fmt::format("{} {} is needed, but is not stored", tensor.name, spelled(tensor.shape)));
    }
    if (found->shape != tensor.shape) {
      throw InputError(fmt::format("{} has the shape {}, but {} is needed", tensor.name, spelled(found->shape),
                                   spelled(tensor.shape)));
    }
    sources.push_back(&*found);
  }
  for (const NamedTensor& tensor : stored) {
    if (std::ranges::find(layout.tensors, tensor.name, &ParameterTensor::name) == layout.tensors.end()) {
      throw InputError(fmt::format("{} {} is stored, but the model has none", tensor.name, spelled(tensor.shape)));
    }
  }
  std::vector<double> flat;  // only now: shapes of stored tensors fit in memory
  flat.reserve(static_cast<std::size_t>(layout.size));
  for (const NamedTensor* source : sources) {
    const auto begin = static_cast<std::ptrdiff_t>(flat.size());
    std::visit([&flat](const auto& values) { flat.insert(flat.end(), values.begin(), values.end()); }, source->values);
    if (!std::all_of(flat.begin() + begin, flat.end(), [](double value) { return std::isfinite(value); })) {
      throw InputError(source->name + " has values that are not finite");
    }
    const std::span<const double> values = std::span(flat).subspan(static_cast<std::size_t>(begin));
    const auto beyond = computes_in_float32(precision) ? first_beyond_float32(values) : std::nullopt;
    if (!beyond) continue;
    const std::int64_t columns = source->shape.size() == 1 ? 1 : source->shape.back();
    throw InputError(fmt::format("{}, {} is {}, which training.precision = {} cannot hold", source->name,
                                 place_text(*beyond, columns), values[static_cast<std::size_t>(*beyond)],
                                 precision == Precision::float32 ? "float32" : "bfloat16"));
  }
  return flat;
}

std::shared_ptr<const std::vector<double>> StartFiles::read(const ModelSettings& model, Precision precision) {
  if (model.init != Initialisation::file) return nullptr;
  const TrialRecord& trial = require_trial(load(model.init_file), model.init_file, model.init_trial);
  const std::string name = fmt::format("trial {} of {}", trial.id, model.init_file);
  if (trial.final_parameters.empty()) {
    throw InputError(name + " stores no parameters: run it with record.parameters = final");
  }
  try {
    return std::make_shared<const std::vector<double>>(
        in_canonical_order(trial.final_parameters, parameter_layout(model), precision));
  } catch (const InputError& error) {
    throw InputError(name + ": " + error.what());
  }
}

const ResultFile& StartFiles::load(const std::string& path) {
  const auto loaded = files_.find(path);
  if (loaded != files_.end()) return loaded->second;
  std::vector<std::string> candidates;
  const std::vector<fs::path> nowhere = {""};
  for (const fs::path& folder : fs::path(path).is_absolute() ? nowhere : folders_) {
    const std::string candidate = (folder / path).lexically_normal().string();
    std::error_code ignored;  // a place that cannot be looked at is a place where the file is not
    if (fs::exists(candidate, ignored)) return files_[path] = read_result_file(candidate);
    if (std::ranges::find(candidates, candidate) == candidates.end()) candidates.push_back(candidate);
  }
  throw InputError(fmt::format("\"{}\" is not there; looked at {}", path, fmt::join(candidates, ", ")));
}

namespace {

/// `last_bit` of a weight that is drawn, or of the first after it that is not 0; none where all are 0.
template <typename Scalar>
void flip_one_bit(const ModelSettings& model, unsigned last_bit, std::vector<Scalar>& parameters) {
  using Bits = std::conditional_t<std::is_same_v<Scalar, float>, std::uint32_t, std::uint64_t>;
  const ParameterLayout layout = parameter_layout(model);
  std::vector<std::span<Scalar>> matrices;
  for (const ParameterTensor& tensor : layout.tensors) {
    if (tensor.role == ParameterRole::matrix) matrices.push_back(tensor_of(std::span(parameters), tensor));
  }
  RandomStream stream(model.perturb_seed, Purpose::perturbation);
  const std::size_t drawn = stream.below(matrices.size());
  std::size_t first = stream.below(matrices[drawn].size());
  for (std::size_t i = 0; i <= matrices.size(); ++i, first = 0) {
    for (Scalar& weight : matrices[(drawn + i) % matrices.size()].subspan(first)) {
      if (weight == 0) continue;
      weight = std::bit_cast<Scalar>(std::bit_cast<Bits>(weight) ^ (Bits{1} << last_bit));
      return;
    }
  }
}

}  // namespace

template <typename Scalar>
std::vector<Scalar> start_parameters(const TrialSettings& trial) {
  std::vector<Scalar> parameters;
  if (trial.model.start_parameters) {
    parameters.reserve(trial.model.start_parameters->size());
    for (const double value : *trial.model.start_parameters) parameters.push_back(static_cast<Scalar>(value));
  } else {
    parameters = initial_parameters<Scalar>(trial.model, trial.seed);
  }
  const bool rounds = trial.training.precision == Precision::bfloat16;
  if (rounds) {
    for (Scalar& parameter : parameters) parameter = rounded_to_bfloat16(parameter);
  }
  if (trial.model.perturb == Perturbation::one_bit) {
    constexpr unsigned kBehindBfloat16 = std::numeric_limits<Scalar>::digits - 8;  // bits of the fraction
    flip_one_bit(trial.model, rounds ? kBehindBfloat16 : 0, parameters);
  }
  return parameters;
}

template std::vector<float> start_parameters<float>(const TrialSettings&);
template std::vector<double> start_parameters<double>(const TrialSettings&);

}  // namespace stepbench
